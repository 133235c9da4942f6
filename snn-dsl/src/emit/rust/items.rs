//! The names of the items of a generated module, by role.

use super::names::{Names, snake};
use crate::model::{Model, Network, ProgramNode};
use proc_macro2::{Ident, TokenStream, TokenTree};
use std::collections::BTreeMap;

/// Types that generated code, or code beside it, names without a path.
const PRIMITIVES: &[&str] = &[
    "bool", "char", "f32", "f64", "i128", "i16", "i32", "i64", "i8", "isize", "str", "u128", "u16", "u32", "u64", "u8",
    "usize",
];

/// All items of a module.
#[derive(Debug)]
pub(super) struct Items {
    /// Everything that is taken, for the scopes inside.
    pub names: Names,
    /// The scalar type parameter: `R`, unless an item is called that.
    pub real: Ident,
    /// The constants of loops that say whether there are a tape and events, whether outputs and gradients of drives are
    /// wanted, and whether exponents are short. A type of that name would be taken for them where they are arguments.
    pub flags: Flags,
    /// Of each neuron.
    pub neurons: Vec<NeuronItems>,
    /// Of each network.
    pub networks: Vec<NetworkItems>,
}

/// Names of constant parameters.
#[derive(Debug)]
pub(super) struct Flags {
    /// Of a step: it writes the tape.
    pub tape: Ident,
    /// Of a step: it writes the outputs.
    pub outputs: Ident,
    /// Of a step: it adds events to states.
    pub events: Ident,
    /// Of a step: all exponents are short.
    pub short: Ident,
    /// Of an adjoint: it writes gradients of drives.
    pub drives: Ident,
    /// Of an adjoint: it writes the impulses.
    pub impulse: Ident,
}

/// The items of one neuron.
#[derive(Debug)]
pub(super) struct NeuronItems {
    /// The struct of its parameters.
    pub kind: Ident,
    /// The step.
    pub step: LoopItems,
    /// The reverse of the step.
    pub adjoint: LoopItems,
}

/// The two functions of a loop over neurons.
#[derive(Debug)]
pub(super) struct LoopItems {
    /// Cuts the arguments into rows.
    pub rows: Ident,
    /// The loop.
    pub cells: Ident,
}

/// The items of one network.
#[derive(Debug)]
pub(super) struct NetworkItems {
    /// The network.
    pub kind: Ident,
    /// Its inputs.
    pub inputs: Ident,
    /// Its targets.
    pub targets: Ident,
    /// Its trained numbers.
    pub parameters: Ident,
    /// The elementwise functions of losses and readouts, by node.
    pub maps: BTreeMap<usize, Ident>,
}

impl Items {
    /// Neurons and networks come first, because their names are what a user of the code writes; what is made from their
    /// names gives way.
    pub(super) fn new(model: &Model, runtime: &TokenStream) -> Self {
        let mut names = Names::default();
        names.reserve(PRIMITIVES);
        // A relative path of the runtime begins with a name of the surrounding module.
        if let Some(TokenTree::Ident(first)) = runtime.clone().into_iter().next() {
            names.reserve(&[first.to_string().as_str()]);
        }
        let own = model.neurons.iter().map(|n| &n.name).chain(model.networks.iter().map(|n| &n.name));
        let mut kinds = names.take_all(own);
        let network_kinds = kinds.split_off(model.neurons.len());
        let real = names.take("R");
        let flags = Flags {
            tape: names.take("TAPE"),
            outputs: names.take("OUTPUTS"),
            events: names.take("EVENTS"),
            short: names.take("SHORT"),
            drives: names.take("DRIVES"),
            impulse: names.take("IMPULSE"),
        };
        let networks: Vec<NetworkItems> =
            model.networks.iter().zip(network_kinds).map(|(n, kind)| NetworkItems::new(n, kind, &mut names)).collect();
        let neurons =
            model.neurons.iter().zip(kinds).map(|(n, kind)| NeuronItems::new(&n.name, kind, &mut names)).collect();
        Self { names, real, flags, neurons, networks }
    }
}

impl NeuronItems {
    fn new(name: &str, kind: Ident, names: &mut Names) -> Self {
        let name = snake(name);
        let mut functions = |what: &str| LoopItems {
            rows: names.take(&format!("{name}_{what}_rows")),
            cells: names.take(&format!("{name}_{what}")),
        };
        Self { kind, step: functions("step"), adjoint: functions("adjoint") }
    }
}

impl NetworkItems {
    fn new(network: &Network, kind: Ident, names: &mut Names) -> Self {
        let name = &network.name;
        let [inputs, targets, parameters] =
            ["Inputs", "Targets", "Parameters"].map(|what| names.take(&format!("{name}{what}")));
        let nodes = network.program.nodes.iter().enumerate();
        let maps = nodes
            .filter(|(_, node)| matches!(node, ProgramNode::Map { .. }))
            .map(|(k, _)| (k, names.take(&format!("{name}Map{k}"))))
            .collect();
        Self { kind, inputs, targets, parameters, maps }
    }
}
