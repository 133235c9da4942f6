//! `snn explain`

use super::output::print;
use super::setup::{Setup, choose_neuron, inputs};
use super::{load, report};
use snn_dsl::explain;
use snn_dsl::expr::number;
use snn_dsl::simulate::{Accuracy, accuracy};
use std::process::ExitCode;

const EXAMPLES: &str = concat!(
    inputs!(),
    "
Examples:
  snn explain LIF
  snn explain LIF --error --input I_ext=2.5nA --dt 0.5ms"
);

/// What stands behind `snn explain`.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// A model file, or the name of a library neuron.
    #[arg(value_name = "FILE|NAME")]
    model: String,
    /// Also run a neuron with the step and with a tenth of it, for 1 s, and print the differences. The options below say
    /// how.
    #[arg(long)]
    error: bool,
    /// Which neuron of the file is run.
    #[arg(long = "model", value_name = "NAME", requires = "error")]
    neuron: Option<String>,
    #[command(flatten)]
    setup: Setup,
}

/// Prints the derivation, and the error of the time step if that is wanted.
pub(crate) fn explain(arguments: &Arguments) -> Result<ExitCode, String> {
    if !arguments.error && arguments.setup.is_used() {
        return Err("error: expected `--error` beside the options of a run\nhelp: they say how it is measured".into());
    }
    let compilation = load(&arguments.model)?;
    report(&compilation);
    let Some(model) = compilation.model else { return Ok(ExitCode::FAILURE) };
    let mut text = explain::explain(&model);
    if arguments.error {
        let name = arguments.neuron.as_deref();
        let neuron =
            choose_neuron(&model, &arguments.model, name, snn_dsl::library::neuron(&arguments.model).is_some())?;
        let protocol = arguments.setup.protocol(neuron, "1s").map_err(|e| format!("error: {e}"))?;
        let found = accuracy(neuron, &protocol).map_err(|e| format!("error: {e}"))?;
        let ports = neuron.events.iter().chain(&neuron.drives).map(|q| q.name.as_str()).collect::<Vec<_>>();
        let is_silent = protocol.inputs.is_empty() && !ports.is_empty();
        text.push_str(&described(&neuron.name, protocol.duration, &found));
        if is_silent {
            text.push_str(&format!("  no input; `--input PORT=...` gives one, ports are `{}`\n", ports.join("`, `")));
        }
    }
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn described(name: &str, duration: f64, found: &Accuracy) -> String {
    let rounded = |x: f64| number(format!("{x:.1e}").parse().unwrap_or(x));
    let time = |x: f64| number((x * 1e6).round() / 1e6);
    let mut text = format!(
        "\nerror of {name} in {} ms at dt = {} ms, against {} ms\n",
        time(duration),
        time(found.dt),
        time(found.dt / 10.0)
    );
    let width = found.states.iter().map(|s| s.name.len()).max().unwrap_or(0);
    for state in &found.states {
        let value = format!("{} {}", rounded(state.largest), state.unit);
        let line = match state.largest == 0.0 {
            true => "none".to_string(),
            false => format!(
                "{} at {} ms, of a range of {}",
                value.trim_end(),
                time(state.time),
                format!("{} {}", rounded(state.range), state.unit).trim_end()
            ),
        };
        text.push_str(&format!("  {:width$}  {line}\n", state.name));
    }
    let [own, other] = found.spikes;
    if own.max(other) > 0 {
        text.push_str(&format!("  states were compared until {} ms, before the first spike\n", time(found.until)));
        let late = if found.shift < 0.0 { "early" } else { "late" };
        text.push_str(&format!("  spikes: {own}, and {other}; at most {} ms {late}\n", time(found.shift.abs())));
    }
    if found.without_noise {
        text.push_str("  white noise was left out: other steps see other noise\n");
    }
    text
}
