//! `snn simulate`

use super::output::{Output, print};
use super::setup::{Chosen, Setup, choose, inputs};
use super::{load, report, simulate_network, unknown};
use snn_dsl::model::{Model, Neuron};
use snn_dsl::simulate::{self, Place, Protocol, Recording, Statistics, options};
use snn_runtime::Real;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The size of the trace on the terminal, in characters.
const PLOT: (usize, usize) = (60, 8);

const EXAMPLES: &str = concat!(
    inputs!(),
    "
Examples:
  snn simulate LIF --input I_ext=2.5nA --for 200ms
  snn simulate cell.snn --set tau=10ms --init V=-70mV --csv - --record V
  snn simulate LIF --n 100 --input 'exc=poisson(500 Hz, 1.2 nA)' --seed 1 --svg lif.svg"
);

/// What stands behind `snn simulate`.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// A model file, or the name of a library neuron.
    #[arg(value_name = "FILE|NAME", required_unless_present = "model")]
    file: Option<String>,
    /// Which neuron or network of the file; without a file, which neuron of the library.
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    #[command(flatten)]
    pub(crate) setup: Setup,
    /// The states to record: `V,I`, all of them if left out; of a network `exc.V,inh.V`, none if left out.
    #[arg(long, value_name = "STATES")]
    pub(crate) record: Option<String>,
    /// Write the states over time; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) csv: Option<PathBuf>,
    /// Write the spikes, time in ms and neuron a line; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) spikes: Option<PathBuf>,
    /// Draw the states and spikes as SVG; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
    /// The number of neurons; 1 if left out.
    #[arg(long, value_name = "COUNT")]
    pub(crate) n: Option<usize>,
    /// Where random numbers begin: the same seed gives the same run.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// The trained numbers of a network, as `safetensors`.
    #[arg(long, value_name = "FILE")]
    pub(crate) parameters: Option<PathBuf>,
    /// Compute with 32 bits instead of 64.
    #[arg(long)]
    f32: bool,
}

impl Arguments {
    /// Where the model is: paths in its text begin there.
    pub(crate) fn folder(&self) -> PathBuf {
        let file = self.file.as_deref().map(Path::new);
        file.and_then(Path::parent).map(Path::to_path_buf).unwrap_or_default()
    }
}

/// Runs a neuron as the arguments say.
pub(crate) fn simulate(arguments: &Arguments) -> Result<ExitCode, String> {
    let Some((model, file)) = load_model(arguments)? else { return Ok(ExitCode::FAILURE) };
    let is_library = arguments.file.is_none();
    let neuron = match choose(&model, &file, arguments.model.as_deref(), is_library)? {
        Chosen::Neuron(neuron) => neuron,
        Chosen::Network(network) => {
            if arguments.f32 {
                simulate_network::simulate::<f32>(&model, network, arguments)?;
            } else {
                simulate_network::simulate::<f64>(&model, network, arguments)?;
            }
            return Ok(ExitCode::SUCCESS);
        }
    };
    if arguments.parameters.is_some() {
        return Err("error: --parameters: expected a network, found a neuron\nhelp: give values with `--set`".into());
    }
    let protocol = protocol(neuron, arguments).map_err(|e| format!("error: {e}"))?;
    for warning in simulate::warnings(neuron, &protocol) {
        eprintln!("warning: {warning}");
    }
    if arguments.f32 {
        run::<f32>(neuron, &protocol, arguments)?;
    } else {
        run::<f64>(neuron, &protocol, arguments)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The model that is meant and its file; `None` if its text has mistakes, which have been printed.
fn load_model(arguments: &Arguments) -> Result<Option<(Model, String)>, String> {
    let name = arguments.model.as_deref();
    let file = arguments.file.as_deref().or(name).unwrap_or_default();
    if arguments.file.is_none() && snn_dsl::library::neuron(file).is_none() {
        return Err(unknown(file));
    }
    let compilation = load(file)?;
    report(&compilation);
    Ok(compilation.model.map(|model| (model, file.to_string())))
}

fn protocol(neuron: &Neuron, arguments: &Arguments) -> Result<Protocol, simulate::Error> {
    let record = arguments.record.as_deref().map(options::names);
    if record.as_ref().is_some_and(Vec::is_empty) {
        let states: Vec<&str> = neuron.states.iter().map(|s| s.quantity.name.as_str()).collect();
        let help = format!("write `--record {}`", states.join(","));
        return Err(simulate::Error::new(Place::Record, "expected names of states, found none").help(help));
    }
    let recorded_neurons = match (&arguments.csv, &arguments.svg) {
        (Some(_), _) => usize::MAX,
        (None, Some(_)) => simulate::DRAWN,
        (None, None) => 1,
    };
    let protocol = arguments.setup.protocol(neuron, "500ms")?;
    Ok(Protocol { n: arguments.n.unwrap_or(1), seed: arguments.seed, record, recorded_neurons, ..protocol })
}

fn run<R: Real>(neuron: &Neuron, protocol: &Protocol, arguments: &Arguments) -> Result<(), String> {
    let asked = [("--csv", &arguments.csv), ("--spikes", &arguments.spikes), ("--svg", &arguments.svg)];
    let paths = distinct(&asked)?;
    // What cannot be written is said before a long run, and not after it.
    let open = |path: &Option<PathBuf>| path.as_deref().map(Output::open).transpose();
    let (mut csv, mut spikes, mut svg) = (open(&arguments.csv)?, open(&arguments.spikes)?, open(&arguments.svg)?);
    let recording = simulate::run::<R>(neuron, protocol).map_err(|e| format!("error: {e}"))?;
    let main = main_state(neuron, &recording);
    let text = summary(neuron, protocol, &recording, main);
    // Standard output is free for one thing only.
    if paths.iter().any(|(_, path)| path.as_os_str() == "-") {
        let _ = std::io::stderr().write_all(text.as_bytes());
    } else {
        print(&text)?;
    }
    if let Some(out) = &mut csv {
        out.write(|out| simulate::write_csv(&recording, out))?;
    }
    if let Some(out) = &mut spikes {
        out.write(|out| simulate::write_spikes(&recording, out))?;
    }
    if let Some(out) = &mut svg {
        out.write(|out| out.write_all(simulate::svg(&recording, main).as_bytes()))?;
    }
    Ok(())
}

/// The files that are asked for, which have to be different.
pub(crate) fn distinct<'p>(asked: &[(&'p str, &'p Option<PathBuf>)]) -> Result<Vec<(&'p str, &'p PathBuf)>, String> {
    let paths: Vec<_> = asked.iter().filter_map(|(option, path)| Some((*option, path.as_ref()?))).collect();
    for (k, (option, path)) in paths.iter().enumerate() {
        if let Some((first, _)) = paths.iter().take(k).find(|(_, other)| other == path) {
            let path = path.display();
            return Err(format!(
                "error: {option} {path}: {first} writes there, too\nhelp: give each a file of its own"
            ));
        }
    }
    Ok(paths)
}

/// The recorded state that is most worth a look: the membrane potential.
fn main_state<'a, R: Real>(neuron: &Neuron, recording: &'a Recording<R>) -> &'a str {
    let names = || recording.traces.iter().map(|t| t.name.as_str());
    let potential = |name: &&str| matches!(*name, "V" | "v" | "V_m" | "v_m" | "u" | "U");
    let threshold = neuron.spike.as_ref().and_then(|spike| {
        let read = neuron.arena.leaves(spike.lhs);
        let of = |(k, _): &(usize, &snn_dsl::model::State)| read.contains(&snn_dsl::expr::Leaf::State(*k as u16));
        neuron.states.iter().enumerate().find(of).map(|(_, s)| s.quantity.name.as_str())
    });
    let found = names().find(|name| Some(*name) == threshold).or_else(|| names().find(potential));
    found.or_else(|| names().next()).unwrap_or_default()
}

fn summary<R: Real>(neuron: &Neuron, protocol: &Protocol, recording: &Recording<R>, main: &str) -> String {
    let count = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
    let rounded = |x: f64| snn_dsl::expr::number(format!("{x:.3e}").parse().unwrap_or(x));
    let grid = recording.grid;
    let mut text = format!(
        "{}: {}, {} ms in {} of {} ms, {}\n",
        recording.model,
        count(recording.n, "neuron"),
        grid.end(),
        count(grid.steps, "step"),
        grid.dt,
        R::NAME
    );
    let ports: Vec<_> = neuron.events.iter().chain(&neuron.drives).map(|q| q.name.as_str()).collect();
    if protocol.inputs.is_empty() && !ports.is_empty() {
        text.push_str(&format!("no input; `--input PORT=...` gives one, ports are `{}`\n", ports.join("`, `")));
    }
    let statistics = Statistics::new(recording);
    let each = if recording.n > 1 { " a neuron" } else { "" };
    text.push_str(&match (recording.has_threshold, statistics.spikes) {
        (false, _) => "no threshold, no spikes\n".to_string(),
        (true, 0) => "no spikes\n".into(),
        (true, spikes) => {
            let mut line = format!("{}, {} Hz{each}", count(spikes, "spike"), rounded(statistics.rate));
            if let Some(mean) = statistics.mean_interval {
                line.push_str(&format!("; mean interval {} ms", rounded(mean)));
            }
            if let Some(cv) = statistics.cv {
                line.push_str(&format!(", CV {}", rounded(cv)));
            }
            line + "\n"
        }
    });
    let plot = simulate::plot(recording, main, 0, PLOT.0, PLOT.1);
    if !plot.is_empty() {
        text.push('\n');
        text.push_str(&plot);
    }
    text
}
