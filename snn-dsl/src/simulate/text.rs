//! A trace in characters, for the terminal.

use super::figure::{Column, around, envelope};
use super::recording::{Recording, Trace};
use crate::expr::number;
use snn_runtime::Real;

/// The dots of a braille character: four rows of two.
const DOTS: [[u32; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];

/// One neuron's trace of a state with a row for its spikes, `width` characters wide and `height` lines high; a line ends
/// without spaces. Empty if the neuron was not recorded.
pub fn plot<R: Real>(recording: &Recording<R>, state: &str, neuron: usize, width: usize, height: usize) -> String {
    let Some(trace) = recording.trace(state) else { return String::new() };
    let (width, height) = (width.max(1), height.max(1));
    let columns = envelope(trace.of(neuron).map(R::to_f64), 2 * width);
    if columns.is_empty() {
        return String::new();
    }
    let low = columns.iter().map(|c| c.low).fold(f64::INFINITY, f64::min);
    let high = columns.iter().map(|c| c.high).fold(f64::NEG_INFINITY, f64::max);
    let [low, high] = if high > low { [low, high] } else { around(low) };
    let rows = canvas(&columns, [low, high], width, height);
    let label = |value: f64| format!("{} {}", number(shortened(value)), trace.unit).trim_end().to_string();
    let [top, bottom] = [label(high), label(low)];
    let name = title(trace, neuron, recording.n);
    let margin = [&top, &bottom, &name].map(|text| text.chars().count()).into_iter().max().unwrap_or(0);
    let mut text = String::new();
    let mut line = |label: &str, rest: &str| {
        text.push_str(format!("{label:>margin$} {rest}").trim_end());
        text.push('\n');
    };
    let marks = ticks(recording, neuron, width);
    if !marks.trim().is_empty() {
        line("spikes", &marks);
    }
    let middle = height / 2;
    for (k, row) in rows.iter().enumerate() {
        let label = match k {
            0 => &top,
            k if k + 1 == height => &bottom,
            k if k == middle && height > 2 => &name,
            _ => "",
        };
        line(label, &format!("\u{2502}{row}"));
    }
    line("", &format!("\u{2514}{}", "\u{2500}".repeat(width)));
    let end = format!("{} ms", number(recording.grid.end()));
    line("", &format!(" 0{end:>rest$}", rest = width.saturating_sub(1)));
    text
}

fn title<R>(trace: &Trace<R>, neuron: usize, n: usize) -> String {
    if n > 1 { format!("{}[{neuron}]", trace.name) } else { trace.name.clone() }
}

/// Five digits are enough for an axis.
fn shortened(value: f64) -> f64 {
    format!("{value:.4e}").parse().unwrap_or(value)
}

/// A mark where the neuron fired at least once.
fn ticks<R: Real>(recording: &Recording<R>, neuron: usize, width: usize) -> String {
    let mut marks = vec![' '; width + 1];
    for spike in recording.spikes.iter().filter(|s| s.neuron as usize == neuron) {
        let place = (spike.step as usize + 1) * width / (recording.grid.steps + 1);
        if let Some(mark) = marks.get_mut(place + 1) {
            *mark = '\u{2575}';
        }
    }
    marks.into_iter().collect()
}

/// Lines of braille characters.
fn canvas(columns: &[Column], [low, high]: [f64; 2], width: usize, height: usize) -> Vec<String> {
    let mut cells = vec![vec![0u32; width]; height];
    let most = (4 * height - 1) as f64;
    let level = |value: f64| (most - ((value - low) / (high - low) * most).round()) as usize;
    let mut bar = |x: usize, from: f64, to: f64| {
        let (top, bottom) = (level(from.max(to)), level(from.min(to)));
        for y in top..=bottom {
            if let Some(cell) = cells.get_mut(y / 4).and_then(|row| row.get_mut(x / 2)) {
                *cell |= DOTS[y % 4][x % 2];
            }
        }
    };
    for column in columns {
        bar(column.at, column.low, column.high);
    }
    // A line from each column to the next, half of it in each of the two if they are neighbours.
    for (a, b) in columns.iter().zip(columns.iter().skip(1)) {
        let steps = (b.at - a.at) as f64;
        let between = |x: f64| a.last + (b.first - a.last) * x.clamp(0.0, 1.0);
        for x in a.at..=b.at {
            let place = (x - a.at) as f64 / steps;
            bar(x, between(place - 0.5 / steps), between(place + 0.5 / steps));
        }
    }
    let character = |dots: &u32| if *dots == 0 { ' ' } else { char::from_u32(0x2800 + dots).unwrap_or(' ') };
    cells.iter().map(|row| row.iter().map(character).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{Input, Protocol, library, run};
    use super::plot;

    #[test]
    fn a_trace_rises_and_a_constant_lies_in_the_middle() {
        let neuron = library("LIF").unwrap();
        let inputs = vec![("I_ext".to_string(), Input::constant(1.0))];
        let protocol = Protocol { inputs, ..Protocol::default() };
        let recording = run::<f64>(&neuron, &protocol).unwrap();
        let text = plot(&recording, "V", 0, 10, 2);
        assert_eq!(text, "9.9326 mV │ ⣀⡤⠖⠒⠋⠉⠉⠉⠉\n     0 mV │⡞⠁\n          └──────────\n           0   100 ms\n");
        let text = plot(&recording, "I", 0, 3, 1);
        assert!(
            text.contains("\u{2502}\u{2824}\u{2824}\u{2824}\n") || text.contains("\u{2502}\u{2812}\u{2812}\u{2812}\n"),
            "{text}"
        );
        assert_eq!(plot(&recording, "V", 1, 10, 2), "");
        assert_eq!(plot(&recording, "W", 0, 10, 2), "");
    }
}
