//! Losses and readouts of a random network.

use super::super::choices::Choices;
use super::super::make::Unit;
use super::population::Population;

/// Targets, names, losses and readouts. There are targets of 3 classes and of 4 numbers.
pub(super) fn lines(choices: &mut Choices, layers: &[Population], duration: f64) -> Vec<String> {
    let mut writer = Writer { choices, duration, targets: Vec::new() };
    let mut lines = Vec::new();
    // Something always reads the layer that all others may lead to.
    let last = layers.len() - 1;
    for k in 0..1 + writer.choices.below(3) {
        let layer = &layers[if k == 0 { last } else { writer.choices.below(layers.len()) }];
        let value = writer.loss(layer, layers);
        let factor =
            if writer.choices.chance(30) { format!("{} * ", writer.choices.number(0.1, 1.5)) } else { String::new() };
        lines.push(format!("loss {factor}{value}"));
    }
    for k in 0..1 + writer.choices.below(3) {
        let layer = &layers[writer.choices.below(layers.len())];
        let value = writer.readout(layer);
        lines.push(format!("readout r{k} = {value}"));
    }
    let mut all = writer.targets;
    all.extend(lines);
    all
}

struct Writer<'a> {
    choices: &'a mut Choices,
    duration: f64,
    targets: Vec<String>,
}

impl Writer<'_> {
    /// One number, for a layer.
    fn loss(&mut self, layer: &Population, layers: &[Population]) -> String {
        match self.choices.below(9) {
            5 if layer.size == 4 || layer.size == 3 => return self.compared(layer),
            6 if layer.size == 4 || layer.size == 3 => return self.compared(layer),
            7 => {
                // The time comes last.
                let (y, reduce) = (self.bounded(layer), *self.choices.pick(&["mean_n", "sum_n"]));
                let over = *self.choices.pick(&["mean_t", "max_t", "last_t", "", "sum_t"]);
                return match over {
                    "" => format!("{reduce}({y})"),
                    over => format!("{over}({reduce}({y}){})", self.window()),
                };
            }
            8 => {
                // Two layers of the same size together.
                let others: Vec<&Population> = layers.iter().filter(|l| l.size == layer.size).collect();
                let other = *self.choices.pick(&others);
                let (y, z) = (self.bounded(layer), self.bounded(other));
                return format!("mean_n(mean_t({y} * {z}))");
            }
            _ => {}
        }
        let by_neuron = self.by_neuron(layer);
        let by_neuron = match self.choices.below(8) {
            5 => format!("(mean_b({by_neuron}) - {})^2", self.choices.number(0.0, 0.5)),
            6 => format!("mean_b(({by_neuron} - mean_b({by_neuron}))^2)"),
            7 => format!("tanh({by_neuron})^2"),
            _ => by_neuron,
        };
        format!("{}({by_neuron})", self.choices.pick(&["mean_n", "sum_n", "max_n"]))
    }

    /// A number for each neuron.
    fn by_neuron(&mut self, layer: &Population) -> String {
        if layer.kind.spikes && self.choices.chance(25) {
            return match self.choices.chance(50) {
                true => format!("first_spike_t({}.spike{}) / (10 ms)", layer.name, self.window()),
                false => format!("mean_t({}.spike{})", layer.name, self.window()),
            };
        }
        let y = self.bounded(layer);
        let reduce = *self.choices.pick(&["mean_t", "max_t", "last_t", "sum_t"]);
        format!("{reduce}({y}{})", self.window())
    }

    /// Against a target, with the time or without.
    fn compared(&mut self, layer: &Population) -> String {
        let kind = if layer.size == 3 { "class[3]" } else { "values[4]" };
        let f = if layer.size == 3 { "cross_entropy" } else { "mse" };
        let over_time = self.choices.chance(40);
        let target = format!("t{}", self.targets.len());
        let end = if over_time { " over time" } else { "" };
        self.targets.push(format!("target {target} : {kind}{end}"));
        let y = self.number(layer);
        if over_time || self.choices.chance(40) {
            return format!("{f}({y}, {target}{})", self.window());
        }
        let reduce = *self.choices.pick(&["mean_t", "max_t", "last_t"]);
        format!("{f}({reduce}({y}{}), {target})", self.window())
    }

    fn readout(&mut self, layer: &Population) -> String {
        match self.choices.below(4) {
            0 => format!("{}.{}", layer.name, self.choices.pick(&layer.kind.states).name),
            1 => self.by_neuron(layer),
            2 => format!("mean_n({})", self.bounded(layer)),
            _ if layer.kind.spikes => format!("sum_t({}.spike)", layer.name),
            _ => self.number(layer),
        }
    }

    /// A state as a number, with time and neurons.
    fn number(&mut self, layer: &Population) -> String {
        let state = self.choices.pick(&layer.kind.states).clone();
        let mut y = format!("{}.{}", layer.name, state.name);
        if layer.kind.spikes && self.choices.chance(25) {
            y = format!("before_reset({y})");
        }
        match state.unit {
            Unit::One => y,
            unit => format!("{y} / ({} {})", state.size, unit.name()),
        }
    }

    /// The same between -1 and 1, smooth.
    fn bounded(&mut self, layer: &Population) -> String {
        format!("{}({})", *self.choices.pick(&["sin", "tanh", "cos"]), self.number(layer))
    }

    fn window(&mut self) -> String {
        let (low, high) = (self.choices.number(0.0, 0.4), self.choices.number(0.6, 1.0));
        let at = |part: f64, duration: f64| (part * duration * 10.0).round() / 10.0;
        let (low, high) = (at(low, self.duration), at(high, self.duration));
        match self.choices.below(6) {
            3 => format!(", from = {low} ms"),
            4 => format!(", to = {high} ms"),
            5 => format!(", from = {low} ms, to = {high} ms"),
            _ => String::new(),
        }
    }
}
