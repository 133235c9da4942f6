//! Trains `models/mnist.snn` on handwritten digits by backpropagation through time.
//!
//! ```text
//! cargo run --release --example mnist                    # the 5,000 + 1,000 digits of the repository
//! cargo run --release --example mnist -- --data DIR      # a full set in IDX format
//! cargo run --release --example mnist -- --resume        # goes on where an interrupted run stopped
//! ```

use snn_examples::figure::raster::{self, Raster};
use snn_examples::options::{Defaults, Options};
use snn_examples::training::Training;
use snn_runtime::Recording;
use std::error::Error;
use std::process::ExitCode;

snn_macros::snn_model!("models/mnist.snn");

fn main() -> ExitCode {
    let options = Options::parse_with(Defaults { name: "mnist", epochs: "20", batch: "64", lr: "0.005" });
    snn_examples::run(options.threads, || run(&options))
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let mut training = Training::new(options, Digits::graph(), Digits::<f32>::ID)?;
    training.run()?;
    let shown = training.show(&Recording::none().spikes("hidden").trace("out", "V"))?;
    let raster = Raster::of_digit(&shown, training.encoder(), training.network().graph())?;
    training.finish(|_, area| raster::draw(area, &raster))
}
