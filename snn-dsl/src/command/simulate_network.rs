//! `snn simulate` of a network.

use super::output::{Output, print};
use super::simulate::Arguments;
use snn_dsl::model::{Model, Network};
use snn_dsl::simulate::{self, NetworkProtocol, NetworkRecording, Place, Recording, Statistics, Trace, options};
use snn_runtime::{ModelId, Real};
use std::io::Write;
use std::path::PathBuf;

/// The size of the rate over time on the terminal, in characters.
const PLOT: (usize, usize) = (60, 6);

/// The bins of the rate, in ms: at most this many over the run.
const BINS: usize = 120;

/// Runs a network as the arguments say.
pub(crate) fn simulate<R: Real>(model: &Model, network: &Network, arguments: &Arguments) -> Result<(), String> {
    if arguments.n.is_some() {
        return Err("error: --n: the layers of a network have their sizes in the text\nhelp: leave it out".into());
    }
    let protocol = protocol(model, network, arguments).map_err(|e| format!("error: {e}"))?;
    let asked = [("--csv", &arguments.csv), ("--spikes", &arguments.spikes), ("--svg", &arguments.svg)];
    super::simulate::distinct(&asked)?;
    let open = |path: &Option<PathBuf>| path.as_deref().map(Output::open).transpose();
    let (mut csv, mut spikes, mut svg) = (open(&arguments.csv)?, open(&arguments.spikes)?, open(&arguments.svg)?);
    let started = std::time::Instant::now();
    let load = |parameters: &mut snn_runtime::ParameterSet<R>, hash: &str| match &arguments.parameters {
        None => Ok(()),
        Some(path) => {
            let own = own_tensors(parameters);
            let mut trained = snn_runtime::ParameterSet::zeros(own);
            let id = ModelId { name: &network.name, hash };
            snn_runtime::store::load(path, &mut trained, &id).map_err(|e| e.to_string())?;
            copy(&trained, parameters);
            Ok(())
        }
    };
    let recording = simulate::run_network::<R>(model, network, &protocol, load).map_err(|e| format!("error: {e}"))?;
    let text = summary(&recording, started.elapsed().as_secs_f64());
    if asked.iter().any(|(_, path)| path.as_ref().is_some_and(|p| p.as_os_str() == "-")) {
        let _ = std::io::stderr().write_all(text.as_bytes());
    } else {
        print(&text)?;
    }
    if let Some(out) = &mut csv {
        out.write(|out| simulate::write_network_csv(&recording, out))?;
    }
    if let Some(out) = &mut spikes {
        out.write(|out| simulate::write_network_spikes(&recording, out))?;
    }
    if let Some(out) = &mut svg {
        out.write(|out| out.write_all(simulate::network_svg(&recording).as_bytes()))?;
    }
    Ok(())
}

/// The tensors of the network without those of inputs from outside, whose names have a space.
fn own_tensors<R: Real>(parameters: &snn_runtime::ParameterSet<R>) -> std::sync::Arc<snn_runtime::Layout> {
    use snn_runtime::Parameters;
    let mut layout = parameters.layout().without_tensors();
    for t in parameters.layout().tensors().iter().filter(|t| !t.name.contains(' ')) {
        layout.push(t.name.clone(), &t.shape, t.unit.clone(), t.frozen);
    }
    layout.into()
}

/// Copies the tensors that both have.
fn copy<R: Real>(from: &snn_runtime::ParameterSet<R>, to: &mut snn_runtime::ParameterSet<R>) {
    use snn_runtime::Parameters;
    let layout = to.layout().clone();
    for t in from.layout().tensors() {
        let place = layout.find(&t.name).map(|own| own.range.clone());
        if let (Some(values), Some(own)) =
            (from.values().get(t.range.clone()), place.and_then(|range| to.values_mut().get_mut(range)))
        {
            own.copy_from_slice(values);
        }
    }
}

fn protocol(model: &Model, network: &Network, arguments: &Arguments) -> Result<NetworkProtocol, simulate::Error> {
    let setup = &arguments.setup;
    if let Some(init) = setup.init.first() {
        let message = "a network starts at the values of its models";
        let help = "make the starting value a parameter, `state V = V_0`, and set it: `--set LAYER.V_0=...`";
        return Err(simulate::Error::new(Place::Init(init.clone()), message).help(help));
    }
    let record = match arguments.record.as_deref() {
        Some(text) => options::network_states(text)?,
        None => Vec::new(),
    };
    if arguments.csv.is_some() && record.is_empty() {
        let layer = network.layers.first().map_or("LAYER", |l| l.name.as_str());
        let message = "expected the states to write, found none";
        return Err(simulate::Error::new(Place::Record, message).help(format!("write `--record {layer}.V`")));
    }
    let read = |path: &str| std::fs::read_to_string(path).map_err(|e| format!("cannot read {path}: {e}"));
    let time = |place, text: &Option<String>| text.as_deref().map(|text| options::time(place, text)).transpose();
    Ok(NetworkProtocol {
        dt: time(Place::Dt, &setup.dt)?,
        duration: time(Place::Duration, &setup.duration)?,
        seed: arguments.seed,
        set: setup.set.iter().map(|t| options::network_set(model, network, t)).collect::<Result<_, _>>()?,
        inputs: setup
            .input
            .iter()
            .map(|t| options::network_input(model, network, t, read))
            .collect::<Result<_, _>>()?,
        record,
        folder: arguments.folder(),
        recorded_neurons: if arguments.csv.is_some() { usize::MAX } else { simulate::DRAWN },
    })
}

fn summary<R: Real>(recording: &NetworkRecording<R>, seconds: f64) -> String {
    let rounded = |x: f64| snn_dsl::expr::number(format!("{x:.3e}").parse().unwrap_or(x));
    let grid = recording.grid;
    let neurons: usize = recording.layers.iter().map(|l| l.n).sum();
    let mut text = format!(
        "{}: {neurons} neurons, {} connections ({} bytes each), {} ms in {} steps of {} ms, {}\n",
        recording.name,
        recording.connections,
        rounded(recording.connection_bytes as f64 / (recording.connections.max(1)) as f64),
        grid.end(),
        grid.steps,
        grid.dt,
        R::NAME
    );
    text.push_str(&format!(
        "{} s, {} synaptic events\n\n",
        rounded(seconds),
        rounded(recording.synaptic_events as f64)
    ));
    let width = recording.layers.iter().map(|l| l.model.chars().count()).max().unwrap_or(0);
    for layer in &recording.layers {
        let statistics = Statistics::new(layer);
        let mut line = format!("{:<width$}  {} neurons", layer.model, layer.n);
        if layer.has_threshold {
            line.push_str(&format!(", {} spikes, {} Hz", statistics.spikes, rounded(statistics.rate)));
            if let Some(cv) = statistics.cv {
                line.push_str(&format!(", CV {}", rounded(cv)));
            }
        }
        text.push_str(&line);
        text.push('\n');
    }
    for weights in &recording.plastic {
        let mean = |values: &[R]| values.iter().map(|w| w.to_f64()).sum::<f64>() / values.len().max(1) as f64;
        let (before, after) = (rounded(mean(&weights.before)), rounded(mean(&weights.after)));
        text.push_str(&format!("{}  mean weight {before} -> {after} {}\n", weights.name, weights.unit));
    }
    let spiking = recording.layers.iter().filter(|l| l.has_threshold).max_by_key(|l| l.spikes.len());
    if let Some(layer) = spiking.filter(|l| !l.spikes.is_empty()) {
        text.push('\n');
        text.push_str(&simulate::plot(&rate(layer), &format!("{} rate", layer.model), 0, PLOT.0, PLOT.1));
    }
    text
}

/// The rate of a layer over time, in bins, as a trace.
fn rate<R: Real>(layer: &Recording<R>) -> Recording<f64> {
    let grid = layer.grid;
    let steps = grid.steps.div_ceil(BINS).max(1);
    let bins = grid.steps / steps;
    let mut values = vec![0.0; bins.max(1)];
    let hertz = 1e3 / (steps as f64 * grid.dt * layer.n as f64);
    for spike in &layer.spikes {
        if let Some(value) = values.get_mut(spike.step as usize / steps) {
            *value += hertz;
        }
    }
    let trace = Trace { name: format!("{} rate", layer.model), unit: "Hz".into(), neurons: 1, values };
    let grid = simulate::Grid { dt: steps as f64 * grid.dt, steps: bins };
    Recording { model: layer.model.clone(), grid, n: 1, traces: vec![trace], spikes: Vec::new(), has_threshold: false }
}
