//! Times `models/cuba.snn`, the network with currents, in compiled code.
//!
//! ```text
//! cargo run --release --example cuba -- --seconds 10
//! cargo run --release --example cuba -- --neurons 100000 --seconds 1 --f64
//! ```
//!
//! Prints one line: the time of the simulation proper, mean rate, weights added per second, and all memory held by the number
//! of connections. A run whose mean rate is far from that of the network prints no time.

use snn_examples::sparse_network::SparseNetwork;
use std::process::ExitCode;

snn_macros::snn_model!("models/cuba.snn");

fn main() -> ExitCode {
    // About 5.41 Hz over several seeds (docs/networks.md).
    let network = SparseNetwork { name: "cuba", rates: 4.5..=6.6, single: CUBA::graph, double: CUBA::graph };
    network.main()
}
