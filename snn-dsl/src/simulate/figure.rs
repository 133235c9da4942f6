//! A run as a figure: the traces with spikes drawn on them and, for several neurons, who fired when.

use super::network::NetworkRecording;
use super::recording::{Recording, Trace};
use crate::expr::number;
use snn_runtime::Real;
use std::fmt::Write;

/// So many neurons have their traces drawn in a figure, from the first.
pub const DRAWN: usize = 4;
/// Colours that are told apart without colour vision, too (Okabe and Ito).
const COLOURS: [&str; DRAWN] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7"];

/// More spikes make a figure large and no clearer.
const MOST_DOTS: usize = 30_000;

const WIDTH: f64 = 720.0;
const LEFT: f64 = 80.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 34.0;
const GAP: f64 = 16.0;
const BOTTOM: f64 = 46.0;

/// The course of a trace over one column of dots.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Column {
    /// Which column, from 0.
    pub at: usize,
    /// The first value, the least, the greatest and the last.
    pub first: f64,
    pub low: f64,
    pub high: f64,
    pub last: f64,
}

/// A trace in at most `count` columns of equal time; shorter traces leave columns out.
pub(super) fn envelope(values: impl ExactSizeIterator<Item = f64>, count: usize) -> Vec<Column> {
    let length = values.len().max(1);
    let mut columns: Vec<Column> = Vec::new();
    for (k, value) in values.enumerate() {
        let at = (k as u128 * count as u128 / length as u128) as usize;
        match columns.last_mut() {
            Some(column) if column.at == at => {
                column.low = column.low.min(value);
                column.high = column.high.max(value);
                column.last = value;
            }
            _ => columns.push(Column { at, first: value, low: value, high: value, last: value }),
        }
    }
    columns
}

/// The figure as SVG text. The first panel is that of the state `main`, if it was recorded; the others follow in their
/// order.
pub fn svg<R: Real>(recording: &Recording<R>, main: &str) -> String {
    let mut traces: Vec<&Trace<R>> = recording.traces.iter().filter(|t| t.neurons > 0).collect();
    traces.sort_by_key(|t| t.name != main);
    let raster = recording.n > 1 && recording.has_threshold;
    let heights: Vec<f64> =
        traces.iter().map(|t| if t.name == main { 190.0 } else { 110.0 }).chain(raster.then_some(170.0)).collect();
    let title = match recording.n {
        1 => escape(&recording.model),
        n => format!("{}, {n} neurons", escape(&recording.model)),
    };
    let mut out = begin(&title, &heights);
    let mut top = TOP;
    let count = heights.len();
    for (k, &height) in heights.iter().enumerate() {
        let panel = Panel { top, height, end: recording.grid.end() };
        match traces.get(k) {
            Some(trace) => panel.trace(&mut out, recording, trace, trace.name == main, ""),
            None => panel.raster(&mut out, recording, "neuron"),
        }
        panel.time_axis(&mut out, k + 1 == count);
        top += height + GAP;
    }
    out.push_str("</svg>\n");
    out
}

/// The figure of a network: for each layer its recorded states, and who fired when.
pub fn network_svg<R: Real>(recording: &NetworkRecording<R>) -> String {
    let layers = recording.layers.iter().flat_map(|layer| {
        let traces = layer.traces.iter().filter(|t| t.neurons > 0).map(move |trace| (layer, Some(trace)));
        traces.chain((layer.has_threshold && layer.n > 0).then_some((layer, None)))
    });
    let panels: Vec<_> = layers.collect();
    let tall = |trace: &Option<&Trace<R>>| if trace.is_some() { 110.0 } else { 150.0 };
    let heights: Vec<f64> = panels.iter().map(|(_, trace)| tall(trace)).collect();
    let mut out = begin(&escape(&recording.name), &heights);
    let mut top = TOP;
    for (k, ((layer, trace), height)) in panels.iter().zip(&heights).enumerate() {
        let panel = Panel { top, height: *height, end: recording.grid.end() };
        match trace {
            Some(trace) => panel.trace(&mut out, layer, trace, false, &format!("{}.", layer.model)),
            None => panel.raster(&mut out, layer, &layer.model),
        }
        panel.time_axis(&mut out, k + 1 == panels.len());
        top += height + GAP;
    }
    out.push_str("</svg>\n");
    out
}

/// The head of a figure with panels of these heights.
fn begin(title: &str, heights: &[f64]) -> String {
    let height = TOP + heights.iter().sum::<f64>() + GAP * heights.len().saturating_sub(1) as f64 + BOTTOM;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         viewBox=\"0 0 {WIDTH} {height}\" font-family=\"Helvetica, Arial, sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"{LEFT}\" y=\"20\" font-size=\"14\">{title}</text>\n"
    )
}

/// A part of the figure with axes of its own.
struct Panel {
    top: f64,
    height: f64,
    /// The end of the run in ms.
    end: f64,
}

impl Panel {
    fn x(&self, time: f64) -> f64 {
        LEFT + time / self.end * (WIDTH - LEFT - RIGHT)
    }

    /// The place of a value between the ends of the axis.
    fn y(&self, value: f64, [low, high]: [f64; 2]) -> f64 {
        self.top + (high - value) / (high - low) * self.height
    }

    fn trace<R: Real>(
        &self,
        out: &mut String,
        recording: &Recording<R>,
        trace: &Trace<R>,
        with_spikes: bool,
        prefix: &str,
    ) {
        let shown = trace.neurons.min(DRAWN);
        let values = || trace.values.chunks_exact(trace.neurons).flat_map(|step| step.iter().take(shown));
        let low = values().fold(f64::INFINITY, |low, x| low.min(x.to_f64()));
        let high = values().fold(f64::NEG_INFINITY, |high, x| high.max(x.to_f64()));
        let spiking = with_spikes && !recording.spikes.is_empty();
        let [low, high] = if high > low { [low, high] } else { around(low) };
        let span = high - low;
        // Spikes stand in a strip above the trace.
        let axis = [low - 0.06 * span, high + if spiking { 0.3 } else { 0.06 } * span];
        self.axis(
            out,
            &format!("{prefix}{}", quantity(&trace.name, &trace.unit)),
            axis,
            &ticks(axis[0], high + 0.06 * span, (self.height / 36.0) as usize),
        );
        for neuron in (0..shown).rev() {
            let colour = COLOURS[neuron % DRAWN];
            let wide = if shown == 1 { 1.3 } else { 1.0 };
            let mut path = String::new();
            let dots = (2.0 * (WIDTH - LEFT - RIGHT)) as usize;
            let dt = recording.grid.dt;
            let mut point = |time: f64, value: f64| {
                let sign = if path.is_empty() { "M" } else { " " };
                let _ = write!(path, "{sign}{},{}", short(self.x(time)), short(self.y(value, axis)));
            };
            if trace.of(neuron).len() <= 2 * dots {
                trace.of(neuron).enumerate().for_each(|(k, value)| point(k as f64 * dt, value.to_f64()));
            } else {
                for c in envelope(trace.of(neuron).map(R::to_f64), dots) {
                    let time = (c.at as f64 + 0.5) / dots as f64 * self.end;
                    // From the last value up or down, whichever is the shorter way.
                    let rising = c.last >= c.first;
                    let [second, third] = if rising { [c.low, c.high] } else { [c.high, c.low] };
                    point(time, c.first);
                    if second != c.first {
                        point(time, second);
                    }
                    if third != second {
                        point(time, third);
                    }
                    if c.last != third {
                        point(time, c.last);
                    }
                }
            }
            if spiking {
                let mut lines = String::new();
                let top = self.top + 0.03 * self.height;
                for spike in recording.spikes.iter().filter(|s| s.neuron as usize == neuron) {
                    // From where the neuron was before its reset: the last value that was recorded.
                    let before = trace.of(neuron).nth(spike.step as usize).map_or(high, R::to_f64);
                    let x = short(self.x(recording.spike_time(*spike)));
                    let _ = write!(lines, "M{x},{}V{}", short(self.y(before, axis)), short(top));
                }
                let _ =
                    writeln!(out, "<path d=\"{lines}\" stroke=\"{colour}\" stroke-width=\"{wide}\" fill=\"none\"/>");
            }
            let _ = writeln!(
                out,
                "<path d=\"{path}\" stroke=\"{colour}\" stroke-width=\"{wide}\" stroke-linejoin=\"round\" fill=\"none\"/>"
            );
        }
        if with_spikes && shown > 1 {
            let mut x = WIDTH - RIGHT;
            for neuron in (0..shown).rev() {
                let _ = writeln!(
                    out,
                    "<text x=\"{x}\" y=\"20\" text-anchor=\"end\" fill=\"{}\">neuron {neuron}</text>",
                    COLOURS[neuron % DRAWN]
                );
                x -= 62.0;
            }
        }
    }

    fn raster<R: Real>(&self, out: &mut String, recording: &Recording<R>, name: &str) {
        let n = recording.n as f64;
        // Neuron 0 is at the bottom.
        let axis = [-0.5, n - 0.5];
        let marks = ticks(0.0, n - 1.0, 4).into_iter().filter(|t| t.fract() == 0.0).collect::<Vec<_>>();
        // Of very many spikes those of every so many-th neuron.
        let every = recording.spikes.len().div_ceil(MOST_DOTS).max(1) as u32;
        let title = if every == 1 { name.to_string() } else { format!("{name}, 1 of {every}") };
        self.axis(out, &title, axis, &marks);
        let size = (0.8 * self.height / n * f64::from(every)).clamp(1.0, 8.0);
        let mut path = String::new();
        for spike in recording.spikes.iter().filter(|s| s.neuron.is_multiple_of(every)) {
            let x = short(self.x(recording.spike_time(*spike)));
            let y = short(self.y(f64::from(spike.neuron), axis) - size / 2.0);
            let _ = write!(path, "M{x},{y}v{}", short(size));
        }
        let _ = writeln!(out, "<path d=\"{path}\" stroke=\"black\" stroke-width=\"0.9\" fill=\"none\"/>");
    }

    /// The vertical axis with its marks and its name.
    fn axis(&self, out: &mut String, name: &str, axis: [f64; 2], marks: &[f64]) {
        let bottom = self.top + self.height;
        let _ = writeln!(out, "<path d=\"M{LEFT},{}V{bottom}\" stroke=\"black\"/>", self.top);
        for &mark in marks {
            let y = short(self.y(mark, axis));
            let _ = writeln!(
                out,
                "<path d=\"M{LEFT},{y}h-4\" stroke=\"black\"/><text x=\"{}\" y=\"{y}\" dy=\"0.35em\" \
                 text-anchor=\"end\">{}</text>",
                LEFT - 7.0,
                signed(mark)
            );
        }
        let middle = self.top + self.height / 2.0;
        let _ = writeln!(
            out,
            "<text transform=\"translate(15,{middle}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
            escape(name)
        );
    }

    /// The line below a panel; the last one has numbers and a name.
    fn time_axis(&self, out: &mut String, is_last: bool) {
        let bottom = self.top + self.height;
        let _ = writeln!(out, "<path d=\"M{LEFT},{bottom}H{}\" stroke=\"black\"/>", WIDTH - RIGHT);
        for mark in ticks(0.0, self.end, 8) {
            let x = short(self.x(mark));
            let _ = writeln!(out, "<path d=\"M{x},{bottom}v4\" stroke=\"black\"/>");
            if is_last {
                let y = bottom + 18.0;
                let _ = writeln!(out, "<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\">{}</text>", signed(mark));
            }
        }
        if is_last {
            let (x, y) = (self.x(self.end / 2.0), bottom + 37.0);
            let _ = writeln!(out, "<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\">time (ms)</text>");
        }
    }
}

/// A name with its unit for an axis.
fn quantity(name: &str, unit: &str) -> String {
    if unit.is_empty() { name.to_string() } else { format!("{name} ({unit})") }
}

/// A range around a constant.
pub(super) fn around(value: f64) -> [f64; 2] {
    let width = if value == 0.0 { 1.0 } else { 0.1 * value.abs() };
    [value - width, value + width]
}

/// Round numbers between two ends, about `count` of them.
fn ticks(low: f64, high: f64, count: usize) -> Vec<f64> {
    let span = high - low;
    if !(span > 0.0 && span.is_finite()) {
        return vec![low];
    }
    let rough = span / count.max(1) as f64;
    // The power of ten below, by its digits.
    let decade: f64 =
        format!("{rough:e}").split_once('e').and_then(|e| format!("1e{}", e.1).parse().ok()).unwrap_or(rough);
    let step = [1.0, 2.0, 5.0, 10.0].map(|k| k * decade).into_iter().find(|s| *s >= 0.9 * rough).unwrap_or(rough);
    let (first, last) = ((low / step - 1e-9).ceil(), (high / step + 1e-9).floor());
    let count = (last - first).clamp(0.0, 100.0) as usize;
    // Through their digits: 3 steps of 0.1 are 0.3.
    (0..=count).map(|k| (first + k as f64) * step).map(|t| format!("{t:.9e}").parse().unwrap_or(t)).collect()
}

/// A number with a minus sign that is one.
fn signed(value: f64) -> String {
    number(if value == 0.0 { 0.0 } else { value }).replace('-', "\u{2212}")
}

/// A place in the figure: hundredths are finer than any printer.
fn short(value: f64) -> String {
    number((value * 100.0).round() / 100.0)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::{Column, envelope, ticks};

    #[test]
    fn ticks_are_round_numbers() {
        assert_eq!(ticks(0.0, 500.0, 8), [0.0, 100.0, 200.0, 300.0, 400.0, 500.0]);
        assert_eq!(ticks(-70.3, -49.9, 4), [-70.0, -65.0, -60.0, -55.0, -50.0]);
        assert_eq!(ticks(0.0, 0.3, 3), [0.0, 0.1, 0.2, 0.3]);
        assert_eq!(ticks(1.0, 1.0, 3), [1.0]);
        assert_eq!(ticks(0.0, 2e-7, 2), [0.0, 1e-7, 2e-7]);
    }

    #[test]
    fn an_envelope_keeps_the_extremes() {
        let values = [1.0, 3.0, 2.0, -1.0];
        let column = |at, first, low, high, last| Column { at, first, low, high, last };
        assert_eq!(envelope(values.into_iter(), 2), [column(0, 1.0, 1.0, 3.0, 3.0), column(1, 2.0, -1.0, 2.0, -1.0)]);
        assert_eq!(envelope([1.0, 2.0].into_iter(), 4).iter().map(|c| c.at).collect::<Vec<_>>(), [0, 2]);
        assert_eq!(envelope(std::iter::empty(), 4), []);
    }
}
