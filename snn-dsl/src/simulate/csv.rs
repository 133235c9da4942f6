//! A run as text for other programs.

use super::network::NetworkRecording;
use super::recording::Recording;
use crate::expr::number;
use snn_runtime::Real;
use std::fmt::Write as _;
use std::io::{self, Write};

/// Writes the traces: a line `# ms,mV,nA` with the units (`1` for a number without), a line `t,V,I` with names, and a line
/// for each step, first that of the initial state at t = 0. If several neurons were simulated, their columns are
/// `V[0],V[1],...,I[0],...`.
///
/// Values are as short as they can be read back to the same bits; times have 12 digits.
///
/// # Errors
/// Those of the writer.
pub fn write_csv<R: Real>(recording: &Recording<R>, out: &mut dyn Write) -> io::Result<()> {
    let (mut units, mut names) = (String::from("# ms"), String::from("t"));
    for trace in &recording.traces {
        let unit = if trace.unit.is_empty() { "1" } else { &trace.unit };
        for i in 0..trace.neurons {
            units.push(',');
            units.push_str(unit);
            names.push(',');
            names.push_str(&trace.name);
            if recording.n > 1 {
                let _ = write!(names, "[{i}]");
            }
        }
    }
    writeln!(out, "{units}\n{names}")?;
    let mut line = String::new();
    for step in 0..=recording.grid.steps {
        line.clear();
        line.push_str(&number(recording.grid.time(step)));
        for trace in &recording.traces {
            for value in trace.values.get(step * trace.neurons..).unwrap_or(&[]).iter().take(trace.neurons) {
                line.push(',');
                shortest(*value, &mut line);
            }
        }
        line.push('\n');
        out.write_all(line.as_bytes())?;
    }
    Ok(())
}

/// Writes the traces of several layers as [`write_csv`] does; names are `exc.V[0]`.
///
/// # Errors
/// Those of the writer.
pub fn write_network_csv<R: Real>(recording: &NetworkRecording<R>, out: &mut dyn Write) -> io::Result<()> {
    let (mut units, mut names) = (String::from("# ms"), String::from("t"));
    let traces = || recording.layers.iter().flat_map(|layer| layer.traces.iter().map(move |trace| (layer, trace)));
    for (layer, trace) in traces() {
        let unit = if trace.unit.is_empty() { "1" } else { &trace.unit };
        for i in 0..trace.neurons {
            let _ = write!(units, ",{unit}");
            let _ = write!(names, ",{}.{}[{i}]", layer.model, trace.name);
        }
    }
    writeln!(out, "{units}\n{names}")?;
    let mut line = String::new();
    for step in 0..=recording.grid.steps {
        line.clear();
        line.push_str(&number(recording.grid.time(step)));
        for (_, trace) in traces() {
            for value in trace.values.get(step * trace.neurons..).unwrap_or(&[]).iter().take(trace.neurons) {
                line.push(',');
                shortest(*value, &mut line);
            }
        }
        line.push('\n');
        out.write_all(line.as_bytes())?;
    }
    Ok(())
}

/// Writes the spikes of several layers: `time layer neuron` a line, layer by layer.
///
/// # Errors
/// Those of the writer.
pub fn write_network_spikes<R: Real>(recording: &NetworkRecording<R>, out: &mut dyn Write) -> io::Result<()> {
    for layer in &recording.layers {
        for spike in &layer.spikes {
            writeln!(out, "{} {} {}", number(layer.spike_time(*spike)), layer.model, spike.neuron)?;
        }
    }
    Ok(())
}

/// Writes the spikes: `time neuron` a line, the time in ms, neurons counted from 0.
///
/// # Errors
/// Those of the writer.
pub fn write_spikes<R: Real>(recording: &Recording<R>, out: &mut dyn Write) -> io::Result<()> {
    for spike in &recording.spikes {
        writeln!(out, "{} {}", number(recording.spike_time(*spike)), spike.neuron)?;
    }
    Ok(())
}

/// The digits that a number of its own type needs.
fn shortest<R: Real>(value: R, line: &mut String) {
    let start = line.len();
    let _ = write!(line, "{value:?}");
    if line.get(start..).is_some_and(|digits| digits.ends_with(".0")) {
        line.truncate(line.len() - 2);
    }
}

#[cfg(test)]
mod tests {
    use super::shortest;

    #[test]
    fn numbers_are_short_and_exact() {
        let text = |x: f64| {
            let mut line = String::new();
            shortest(x, &mut line);
            line
        };
        for (value, expected) in
            [(0.0, "0"), (-70.0, "-70"), (0.1, "0.1"), (1e-20, "1e-20"), (1.0 / 3.0, "0.3333333333333333")]
        {
            assert_eq!(text(value), expected);
        }
        let mut line = String::new();
        shortest(0.1f32, &mut line);
        assert_eq!(line, "0.1");
    }
}
