//! Times `models/coba.snn`, the network with conductances, in compiled code.
//!
//! ```text
//! cargo run --release --example coba -- --seconds 10
//! cargo run --release --example coba -- --neurons 100000 --seconds 1 --f64
//! ```
//!
//! Prints one line: the time of the simulation proper, mean rate, weights added per second, and all memory held by the number
//! of connections. A run whose mean rate is far from that of the network prints no time.

use snn_examples::sparse_network::SparseNetwork;
use std::process::ExitCode;

snn_macros::snn_model!("models/coba.snn");

fn main() -> ExitCode {
    // About 20.2 Hz over several seeds (docs/networks.md).
    let network = SparseNetwork { name: "coba", rates: 16.0..=25.0, single: COBA::graph, double: COBA::graph };
    network.main()
}
