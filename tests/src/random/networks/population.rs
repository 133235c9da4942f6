//! Inputs and layers of a random network.

use super::super::choices::Choices;
use super::super::expression::Scope;
use super::super::make::Unit;
use super::super::neuron;
use snn_dsl::syntax::print::print;
use snn_dsl::syntax::tree::{File, Item};

/// A port or a state: its name, its unit, and a weight or value of ordinary size.
#[derive(Clone, Debug)]
pub(super) struct Quantity {
    pub(super) name: String,
    pub(super) unit: Unit,
    pub(super) size: f64,
}

/// What a population consists of.
#[derive(Clone, Debug)]
pub(super) struct Kind {
    /// What stands behind `=` of a layer, or behind the size of an input.
    model: String,
    pub(super) is_input: bool,
    pub(super) spikes: bool,
    pub(super) events: Vec<Quantity>,
    pub(super) drives: Vec<Quantity>,
    pub(super) states: Vec<Quantity>,
}

/// Models of the library, with values that make them spike in a few steps; ports and states with unit and size.
const LIBRARY: &[(&str, &str, &str, &str)] = &[
    ("LIF(V_th = 6 mV)", "exc nA 1.2", "I_ext nA 0.6", "I nA 2, V mV 10"),
    ("LI(R = 5 MOhm)", "exc nA 1.5", "", "I nA 2, V mV 10"),
    ("GIF(tau = 5 ms, tau_x = 20 ms, tau_I2 = 30 ms, V_th = 0.6, A1 = 0.2)", "exc 0.5", "", "x 1, I1 1, I2 1, V 1"),
    ("ALIF(V_th = 5 mV, tau_b = 30 ms, beta = 2 mV)", "exc nA 1.2", "I_ext nA 0.6", "I nA 2, V mV 10, b mV 5"),
    ("LIF_refractory(V_th = -58 mV)", "exc nA 1.5", "I_ext nA 0.8", "I nA 2, V mV 60"),
    ("LIF_delta(V_th = 5 mV, tau = 8 ms)", "exc mV 3", "I_ext nA 0.6", "V mV 10"),
    ("LI_delta", "exc mV 3", "", "V mV 10"),
    ("LIF_current(V_th = -52 mV, t_ref = 2 ms)", "exc mV 5, inh mV -2", "", "g_exc mV 10, g_inh mV 10, V mV 60"),
    ("LIF_adaptive_threshold(V_th = -59 mV)", "exc nA 1.5", "I_ext nA 0.8", "I nA 2, V mV 60, b mV 3"),
    ("LIF", "exc nA 4", "I_ext nA 2", "I nA 6, V mV 20"),
    ("GIF(tau = 8 ms, tau_x = 10 ms, tau_I2 = uniform(10 ms, 50 ms))", "exc 0.8", "", "x 1, I2 1, V 1"),
];

fn quantities(text: &str) -> Vec<Quantity> {
    let parts = text.split(", ").filter(|part| !part.is_empty());
    let one = |part: &str| {
        let mut words = part.split(' ');
        let (name, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let (unit, size) = match words.next() {
            Some(size) => (if second == "mV" { Unit::Voltage } else { Unit::Current }, size),
            None => (Unit::One, second),
        };
        Quantity { name: name.into(), unit, size: size.parse().unwrap_or(1.0) }
    };
    parts.map(one).collect()
}

impl Kind {
    fn input(model: &str) -> Self {
        let none = Vec::new;
        Self { model: model.into(), is_input: true, spikes: true, events: none(), drives: none(), states: none() }
    }

    pub(super) fn spikes() -> Self {
        Self::input("spikes")
    }

    pub(super) fn values() -> Self {
        Self { spikes: false, ..Self::input("values") }
    }

    /// A model of the library.
    pub(super) fn of_library(choices: &mut Choices) -> Self {
        let &(model, events, drives, states) = choices.pick(LIBRARY);
        Self {
            model: model.into(),
            is_input: false,
            spikes: !model.starts_with("LI(") && model != "LI_delta",
            events: quantities(events),
            drives: quantities(drives),
            states: quantities(states),
        }
    }
}

const CELL: &str = "Cell";

/// A random neuron `Cell`, with the functions that it calls.
pub(super) fn cell(choices: &mut Choices) -> (String, Kind) {
    let mut items = Vec::new();
    let scope = Scope::with_functions(choices, &mut items);
    let cell = neuron::neuron(choices, scope);
    let all = |list: &[(String, Unit)], factor: f64| -> Vec<Quantity> {
        let one =
            |(name, unit): &(String, Unit)| Quantity { name: name.clone(), unit: *unit, size: factor * unit.size() };
        list.iter().map(one).collect()
    };
    let kind = Kind {
        model: CELL.into(),
        is_input: false,
        spikes: cell.spikes,
        events: all(&cell.events, 0.5),
        drives: all(&cell.drives, 0.3),
        states: all(&cell.states, 1.0),
    };
    items.push(Item::Neuron(cell.tree));
    (print(&File { items }), kind)
}

/// An input or a layer.
#[derive(Clone, Debug)]
pub(super) struct Population {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) size: usize,
    /// Channels, height and width.
    pub(super) grid: Option<[usize; 3]>,
    pub(super) dropout: Option<f64>,
}

const GRIDS: &[[usize; 3]] =
    &[[1, 2, 2], [1, 3, 3], [2, 2, 2], [2, 3, 2], [3, 1, 1], [2, 1, 4], [1, 1, 4], [2, 3, 3], [1, 4, 4], [1, 1, 8]];

impl Population {
    pub(super) fn new(choices: &mut Choices, name: &'static str, kind: Kind, in_grids: bool) -> Self {
        let grid = (in_grids && !choices.chance(20)).then(|| *choices.pick(GRIDS));
        let size = match grid {
            Some(grid) => grid.iter().product(),
            None => *choices.pick(&[3, 4, 2, 1, 5]),
        };
        Self { name, kind, size, grid, dropout: None }
    }

    /// Of neurons of the text itself.
    pub(super) fn is_cell(&self) -> bool {
        self.kind.model == CELL
    }

    pub(super) fn line(&self) -> String {
        let shape = match self.grid {
            Some([c, 1, w]) => format!("{c}, {w}"),
            Some([c, h, w]) => format!("{c}, {h}, {w}"),
            None => self.size.to_string(),
        };
        let (name, model) = (self.name, &self.kind.model);
        match (self.kind.is_input, self.dropout) {
            (true, _) => format!("input {name}[{shape}] {model}"),
            (_, None) => format!("layer {name}[{shape}] = {model}"),
            (_, Some(p)) => format!("layer {name}[{shape}] = {model}, dropout {p}"),
        }
    }
}
