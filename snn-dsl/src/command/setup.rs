//! Which neuron is run, and how.

use snn_dsl::diagnostic::closest;
use snn_dsl::model::{Model, Network, Neuron};
use snn_dsl::simulate::{self, Place, Protocol, options};

/// How inputs are written, for the end of a help text.
macro_rules! inputs {
    () => {
        "\
Inputs:
  I_ext=2.5nA                          the same value all the time
  'I_ext=0nA:50ms; 2.5nA:200ms'        values with durations, then 0 (an event port gets the value in every step)
  'exc=poisson(100 Hz, 0.5 nA)'        random spikes, other ones for each neuron
  'exc=spikes(10 ms, 20 ms; 0.5 nA)'   spikes at these times
  I_ext=@current.csv                   a table of t and value; at an event port each line is a spike
"
    };
}
pub(super) use inputs;

/// The options of a run.
#[derive(clap::Args)]
pub(crate) struct Setup {
    /// The time step; if left out, 0.1 ms, or that of the network.
    #[arg(long, value_name = "TIME")]
    pub(crate) dt: Option<String>,
    /// How long; if left out, 500 ms (for `--error` 1 s), or as long as the network says.
    #[arg(long = "for", value_name = "TIME")]
    pub(crate) duration: Option<String>,
    /// Another value of a parameter: `tau=10ms`. May be repeated.
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) set: Vec<String>,
    /// Another starting value of a state: `V=-70mV`. May be repeated.
    #[arg(long, value_name = "STATE=VALUE")]
    pub(crate) init: Vec<String>,
    /// What arrives at an event port or a drive, see Inputs below. May be repeated; inputs of one port add up.
    #[arg(long, value_name = "PORT=SPEC")]
    pub(crate) input: Vec<String>,
}

impl Setup {
    /// Some option is given.
    pub(crate) fn is_used(&self) -> bool {
        self.dt.is_some()
            || self.duration.is_some()
            || [&self.set, &self.init, &self.input].iter().any(|l| !l.is_empty())
    }

    /// What is to be run; `duration` unless one is given.
    pub(crate) fn protocol(&self, neuron: &Neuron, duration: &str) -> Result<Protocol, simulate::Error> {
        let read = |path: &str| std::fs::read_to_string(path).map_err(|e| format!("cannot read {path}: {e}"));
        Ok(Protocol {
            dt: options::time(Place::Dt, self.dt.as_deref().unwrap_or("0.1ms"))?,
            duration: options::time(Place::Duration, self.duration.as_deref().unwrap_or(duration))?,
            set: self.set.iter().map(|text| options::set(neuron, text)).collect::<Result<_, _>>()?,
            init: self.init.iter().map(|text| options::init(neuron, text)).collect::<Result<_, _>>()?,
            inputs: self.input.iter().map(|text| options::input(neuron, text, read)).collect::<Result<_, _>>()?,
            ..Protocol::default()
        })
    }
}

/// What of a model is run.
pub(crate) enum Chosen<'m> {
    /// Neurons of one kind.
    Neuron(&'m Neuron),
    /// A whole network.
    Network(&'m Network),
}

/// The neuron or network of a model that is meant; `is_library` if `file` is the name of a library neuron.
pub(crate) fn choose<'m>(
    model: &'m Model,
    file: &str,
    name: Option<&str>,
    is_library: bool,
) -> Result<Chosen<'m>, String> {
    let network = match (name, model.networks.as_slice()) {
        (Some(name), networks) => networks.iter().find(|n| n.name == name),
        (None, [one]) => Some(one),
        (None, []) => None,
        (None, several) => {
            let names: Vec<&str> = several.iter().map(|n| n.name.as_str()).collect();
            let (count, list) = (several.len(), names.join("`, `"));
            return Err(format!(
                "error: {file}: expected one network, found {count}\nhelp: choose one with --model: `{list}`"
            ));
        }
    };
    match network {
        Some(network) => Ok(Chosen::Network(network)),
        None => choose_neuron(model, file, name, is_library).map(Chosen::Neuron),
    }
}

/// The neuron of a model that is meant.
pub(crate) fn choose_neuron<'m>(
    model: &'m Model,
    file: &str,
    name: Option<&str>,
    is_library: bool,
) -> Result<&'m Neuron, String> {
    let names: Vec<&str> = model.neurons.iter().map(|n| n.name.as_str()).collect();
    let own: Vec<&Neuron> = model.neurons.iter().filter(|n| !n.is_library || is_library).collect();
    let list = names.join("`, `");
    let found = match (name, own.as_slice()) {
        (Some(name), _) => match model.neurons.iter().find(|n| n.name == name) {
            Some(neuron) => neuron,
            None if model.networks.iter().any(|n| n.name == name) => {
                let hint = match names.first() {
                    Some(neuron) => format!("choose a neuron: `--model {neuron}`"),
                    None => "choose a file with neurons".into(),
                };
                return Err(format!("error: --model {name}: expected a neuron, found a network\nhelp: {hint}"));
            }
            None => {
                let hint = match closest(name, names.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None if snn_dsl::library::neuron(name).is_some() => {
                        format!("it is one of the library: `snn simulate {name}`")
                    }
                    None if names.is_empty() => "it has none".into(),
                    None => format!("it has `{list}`"),
                };
                return Err(format!("error: --model {name}: expected a neuron of {file}\nhelp: {hint}"));
            }
        },
        (None, _) if !model.networks.is_empty() => {
            let hint = match names.as_slice() {
                [] => "write a neuron into the file, or take one of the library".into(),
                _ => format!("choose a neuron with --model: `{list}`"),
            };
            return Err(format!("error: {file}: expected a neuron, found networks\nhelp: {hint}"));
        }
        (None, [one]) => *one,
        // A library text that is called by its name.
        (None, []) if model.neurons.len() == 1 => &model.neurons[0],
        (None, []) => {
            return Err(format!("error: {file}: expected a neuron, found none\nhelp: `neuron NAME {{ ... }}`"));
        }
        (None, several) => {
            let count = several.len();
            return Err(format!(
                "error: {file}: expected one neuron, found {count}\nhelp: choose one with --model: `{list}`"
            ));
        }
    };
    Ok(found)
}
