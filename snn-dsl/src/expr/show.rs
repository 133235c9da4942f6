//! Expressions as text in the syntax of the language.

use super::{Arena, ExprId, Leaf, Node, Operation};

/// How tightly an expression binds; the order is that of the grammar.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Binding {
    Or,
    And,
    Not,
    Comparison,
    Sum,
    Product,
    Minus,
    Power,
    Atom,
}

impl Arena {
    /// The text of an expression. `name` gives the text of a leaf, and may give a name to any other expression, which
    /// is then printed in its place (never for the root).
    pub fn show(&self, root: ExprId, name: &dyn Fn(ExprId) -> Option<String>) -> String {
        self.show_node(root, name, true).0
    }

    fn show_node(&self, id: ExprId, name: &dyn Fn(ExprId) -> Option<String>, is_root: bool) -> (String, Binding) {
        let is_leaf = matches!(self.node(id), Node::Leaf(_));
        if (!is_root || is_leaf)
            && let Some(text) = name(id)
        {
            return (text, Binding::Atom);
        }
        let at = |child: ExprId, least: Binding| {
            let (text, binding) = self.show_node(child, name, false);
            if binding < least { format!("({text})") } else { text }
        };
        match self.node(id) {
            Node::Constant(bits) => {
                let value = f64::from_bits(bits);
                let binding = if value < 0.0 { Binding::Minus } else { Binding::Atom };
                (number(value), binding)
            }
            Node::Truth(value) => (value.to_string(), Binding::Atom),
            Node::Leaf(leaf) => (plain_leaf(leaf), Binding::Atom),
            Node::Negate(a) => (format!("-{}", at(a, Binding::Minus)), Binding::Minus),
            Node::Apply(f, a) => (format!("{}({})", f.name(), at(a, Binding::Or)), Binding::Atom),
            Node::Binary(operation, a, b) => {
                let (symbol, own, left, right) = match operation {
                    Operation::Add => (" + ", Binding::Sum, Binding::Sum, Binding::Product),
                    Operation::Subtract => (" - ", Binding::Sum, Binding::Sum, Binding::Product),
                    Operation::Multiply => ("*", Binding::Product, Binding::Product, Binding::Minus),
                    Operation::Divide => ("/", Binding::Product, Binding::Product, Binding::Minus),
                    Operation::Power => ("^", Binding::Power, Binding::Atom, Binding::Power),
                };
                (format!("{}{symbol}{}", at(a, left), at(b, right)), own)
            }
            Node::Compare(comparison, a, b) => (
                format!("{} {} {}", at(a, Binding::Sum), comparison.symbol(), at(b, Binding::Sum)),
                Binding::Comparison,
            ),
            Node::And(a, b) => (format!("{} and {}", at(a, Binding::And), at(b, Binding::Not)), Binding::And),
            Node::Or(a, b) => (format!("{} or {}", at(a, Binding::Or), at(b, Binding::And)), Binding::Or),
            Node::Not(a) => (format!("not {}", at(a, Binding::Not)), Binding::Not),
            Node::Select(c, a, b) => (
                format!("if {} {{ {} }} else {{ {} }}", at(c, Binding::Or), at(a, Binding::Or), at(b, Binding::Or)),
                Binding::Or,
            ),
            Node::Detach(a) => (format!("detach({})", at(a, Binding::Or)), Binding::Atom),
            Node::Spike(x) => (format!("spike({})", at(x, Binding::Or)), Binding::Atom),
        }
    }
}

/// A number as short as it can be read back.
pub fn number(value: f64) -> String {
    if value != 0.0 && !(1e-4..1e7).contains(&value.abs()) { format!("{value:e}") } else { format!("{value}") }
}

fn plain_leaf(leaf: Leaf) -> String {
    match leaf {
        Leaf::Parameter(i) => format!("parameter{i}"),
        Leaf::Stored(i) => format!("theta{i}"),
        Leaf::State(i) => format!("state{i}"),
        Leaf::Event(i) => format!("event{i}"),
        Leaf::Drive(i) => format!("drive{i}"),
        Leaf::Dt => "dt".into(),
        Leaf::Refractory => "refractory".into(),
        Leaf::Coefficient(i) => format!("c{i}"),
        Leaf::Argument(0) => "x".into(),
        Leaf::Argument(i) => format!("x{i}"),
        Leaf::StateAdjoint(i) => format!("state{i}_bar"),
        Leaf::SpikeAdjoint => "z_bar".into(),
        Leaf::OutputAdjoint(i) => format!("y{i}_bar"),
    }
}
