//! Trains `models/conv.snn`, two layers of filters, on handwritten digits by backpropagation through time, and draws the filters
//! and what they see in a digit.
//!
//! ```text
//! cargo run --release --example conv                    # the 5,000 + 1,000 digits of the repository
//! cargo run --release --example conv -- --data DIR      # a full set in IDX format
//! cargo run --release --example conv -- --resume        # goes on where an interrupted run stopped
//! ```
//!
//! What to see: filters that answer to edges and strokes of one direction, maps that show where in the digit these are, and pools
//! that keep this with a quarter of the neurons.

use snn_examples::figure::maps::{self, Row};
use snn_examples::options::{Defaults, Options};
use snn_examples::training::{Shown, Training};
use snn_runtime::{ParameterSet, Recording};
use std::error::Error;
use std::process::ExitCode;

snn_macros::snn_model!("models/conv.snn");

/// The layers of the model, with channels and the side of their maps.
const LAYERS: [(&str, usize, usize); 4] = [("conv1", 8, 12), ("pool1", 8, 6), ("conv2", 16, 6), ("pool2", 16, 3)];

fn main() -> ExitCode {
    let options = Options::parse_with(Defaults { name: "conv", epochs: "6", batch: "32", lr: "0.01" });
    snn_examples::run(options.threads, || run(&options))
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let mut training = Training::new(options, Convolution::graph(), Convolution::<f32>::ID)?;
    training.run()?;
    let recording = LAYERS.iter().fold(Recording::none(), |recording, (layer, ..)| recording.spikes(*layer));
    let shown = training.show(&recording)?;
    let rows = rows(training.parameters(), &shown)?;
    training.finish(|_, area| maps::draw(area, &shown.title, &rows))
}

/// The digit, the filters of the first layer, and the spikes of every map.
fn rows(parameters: &ParameterSet<f32>, shown: &Shown) -> Result<Vec<Row>, Box<dyn Error>> {
    let pixels = shown.digit.pixels.to_shape((28, 28))?.to_owned();
    let weights = parameters.tensor("pixel_to_conv1_exc.weight").to_owned();
    let mut rows = vec![
        Row { title: "pixels".into(), unit: "", images: vec![pixels] },
        Row::kernels("kernels of conv1".into(), &weights)?,
    ];
    for (layer, channels, side) in LAYERS {
        let train = shown.readouts.spikes(layer).and_then(|trains| trains.first());
        let train = train.ok_or_else(|| format!("expected spikes of `{layer}`, found none; record them"))?;
        rows.push(Row::counts(layer.into(), train, channels, side)?);
    }
    Ok(rows)
}
