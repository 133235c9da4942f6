//! Expressions as text in the syntax of the language.

use super::{Arena, ExprId, IdMap, IdSet, Leaf, Node, Operation};
use std::collections::{BTreeMap, BTreeSet};

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

/// A text of [`Arena::show`] is cut behind so many bytes, and below so many levels.
const LONGEST: usize = 2000;
const DEEPEST: usize = 100;
/// Expressions of so many words are written out, however often their parts repeat.
const PLAIN: usize = 500;
/// With abbreviations, parts of so many levels have a name: what writes them recurs.
const LEVELS: usize = 30;

/// What the leaves and some other expressions are called.
type Names<'a> = &'a dyn Fn(ExprId) -> Option<String>;

/// Names for what is used more than once below some expressions, whose text would otherwise be as long as the graph has
/// paths. Empty where that text is short.
#[derive(Clone, Debug, Default)]
pub struct Abbreviations {
    names: BTreeMap<ExprId, String>,
    /// Those before it have been defined.
    next: Option<ExprId>,
}

impl Abbreviations {
    /// The name of an expression, if it has one here.
    pub fn get(&self, id: ExprId) -> Option<String> {
        self.names.get(&id).cloned()
    }

    /// The definitions that `root` needs and that were not returned before, one a line.
    pub fn before(&mut self, arena: &Arena, root: ExprId, name: Names) -> Vec<String> {
        let from = self.next.unwrap_or(ExprId(0));
        if from >= root {
            return Vec::new();
        }
        self.next = Some(root);
        self.names.range(from..root).map(|(&id, short)| format!("{short} = {}", self.show(arena, id, name))).collect()
    }

    /// The whole text of an expression with these names in it.
    pub fn show(&self, arena: &Arena, root: ExprId, name: Names) -> String {
        let name: Names = &|id| name(id).or_else(|| self.get(id));
        let mut text = Text { arena, name, out: String::new(), longest: usize::MAX };
        text.write(root, 0);
        text.out
    }
}

impl Arena {
    /// The text of an expression on one line. `name` gives the text of a leaf, and may give a name to any other
    /// expression, which is then printed in its place (never for the root). What is long ends in `...`.
    pub fn show(&self, root: ExprId, name: Names) -> String {
        let mut text = Text { arena: self, name, out: String::new(), longest: LONGEST };
        text.write(root, 0);
        text.out
    }

    /// Names for the repeated parts of some expressions if these are too long to be written out.
    pub fn abbreviations(&self, roots: &[ExprId], name: Names) -> Abbreviations {
        let order = self.reachable(roots.iter().copied());
        let (mut used, mut repeated) = (IdSet::default(), IdSet::default());
        for child in order.iter().flat_map(|&id| self.children(id)) {
            if !used.insert(child) {
                repeated.insert(child);
            }
        }
        let mut own: IdMap<String> = IdMap::default();
        for &id in &order {
            if let Some(name) = name(id) {
                own.insert(id, name);
            }
        }
        let mut names = BTreeMap::new();
        let (words, levels) = self.extents(&order, |id, _, _| own.contains(id));
        let total = roots.iter().map(|&r| words.get(r).copied().unwrap_or(1)).fold(0, usize::saturating_add);
        if total <= PLAIN && levels.iter().all(|(_, &l)| l < 2 * LEVELS) {
            return Abbreviations { names, next: None };
        }
        let taken: BTreeSet<&String> = own.iter().map(|(_, name)| name).collect();
        let mut free = (1..).map(|k| format!("s{k}")).filter(|n| !taken.contains(n));
        self.extents(&order, |id, words, levels| {
            let named = own.contains(id);
            if !named
                && (repeated.contains(id) && words > 3 || levels >= LEVELS)
                && let Some(short) = free.next()
            {
                names.insert(id, short);
                return true;
            }
            named
        });
        Abbreviations { names, next: None }
    }

    /// How many words each of some expressions takes, operands first, and how many levels; one word where `cut` gives
    /// it a name.
    fn extents(
        &self,
        order: &[ExprId],
        mut cut: impl FnMut(ExprId, usize, usize) -> bool,
    ) -> (IdMap<usize>, IdMap<usize>) {
        let mut words: IdMap<usize> = IdMap::default();
        let mut levels: IdMap<usize> = IdMap::default();
        let mut own = (IdMap::default(), IdMap::default());
        for &id in order {
            let below = |of: &IdMap<usize>, child| of.get(child).copied().unwrap_or(0);
            let count = self.children(id).fold(1usize, |n, c| n.saturating_add(below(&words, c)));
            let level = self.children(id).map(|c| below(&levels, c) + 1).max().unwrap_or(0);
            let is_cut = cut(id, count, level);
            own.0.insert(id, count);
            own.1.insert(id, level);
            words.insert(id, if is_cut { 1 } else { count });
            levels.insert(id, if is_cut { 0 } else { level });
        }
        own
    }
}

/// The text written so far.
struct Text<'a> {
    arena: &'a Arena,
    name: Names<'a>,
    out: String,
    longest: usize,
}

impl Text<'_> {
    fn named(&self, id: ExprId, depth: usize) -> Option<String> {
        let is_leaf = matches!(self.arena.node(id), Node::Leaf(_));
        if depth > 0 || is_leaf { (self.name)(id) } else { None }
    }

    fn word(&mut self, word: &str) {
        self.out.push_str(word);
    }

    /// Writes an operand, in brackets if it binds less tightly than its place wants.
    fn at(&mut self, id: ExprId, least: Binding, depth: usize) {
        let loose = binding(self.arena.node(id)) < least && self.named(id, depth).is_none();
        if loose {
            self.word("(");
        }
        self.write(id, depth);
        if loose {
            self.word(")");
        }
    }

    fn two(&mut self, (a, left): (ExprId, Binding), symbol: &str, (b, right): (ExprId, Binding), depth: usize) {
        self.at(a, left, depth);
        self.word(symbol);
        self.at(b, right, depth);
    }

    fn call(&mut self, function: &str, a: ExprId, depth: usize) {
        self.word(function);
        self.word("(");
        self.write(a, depth);
        self.word(")");
    }

    fn write(&mut self, id: ExprId, depth: usize) {
        if let Some(text) = self.named(id, depth) {
            return self.word(&text);
        }
        if self.out.len() > self.longest || depth > DEEPEST {
            if !self.out.ends_with("...") {
                self.word("...");
            }
            return;
        }
        let below = depth + 1;
        match self.arena.node(id) {
            Node::Constant(bits) => self.word(&number(f64::from_bits(bits))),
            Node::Truth(value) => self.word(&value.to_string()),
            Node::Leaf(leaf) => self.word(&plain_leaf(leaf)),
            Node::Negate(a) => {
                self.word("-");
                self.at(a, Binding::Minus, below);
            }
            Node::Apply(f, a) => self.call(f.name(), a, below),
            Node::Binary(operation, a, b) => {
                let (symbol, left, right) = match operation {
                    Operation::Add => (" + ", Binding::Sum, Binding::Product),
                    Operation::Subtract => (" - ", Binding::Sum, Binding::Product),
                    Operation::Multiply => ("*", Binding::Product, Binding::Minus),
                    Operation::Divide => ("/", Binding::Product, Binding::Minus),
                    Operation::Power => ("^", Binding::Atom, Binding::Power),
                };
                self.two((a, left), symbol, (b, right), below);
            }
            Node::Compare(comparison, a, b) => {
                let symbol = format!(" {} ", comparison.symbol());
                self.two((a, Binding::Sum), &symbol, (b, Binding::Sum), below);
            }
            Node::And(a, b) => self.two((a, Binding::And), " and ", (b, Binding::Not), below),
            Node::Or(a, b) => self.two((a, Binding::Or), " or ", (b, Binding::And), below),
            Node::Not(a) => {
                self.word("not ");
                self.at(a, Binding::Not, below);
            }
            Node::Select(c, a, b) => {
                self.word("if ");
                self.write(c, below);
                self.word(" { ");
                self.write(a, below);
                self.word(" } else { ");
                self.write(b, below);
                self.word(" }");
            }
            Node::Detach(a) => self.call("detach", a, below),
            Node::Spike(x) => self.call("spike", x, below),
        }
    }
}

/// How tightly the outermost operation of an expression binds.
fn binding(node: Node) -> Binding {
    match node {
        Node::Constant(bits) if f64::from_bits(bits) < 0.0 => Binding::Minus,
        Node::Constant(_) | Node::Truth(_) | Node::Leaf(_) => Binding::Atom,
        Node::Apply(..) | Node::Detach(_) | Node::Spike(_) => Binding::Atom,
        Node::Negate(_) => Binding::Minus,
        Node::Binary(Operation::Add | Operation::Subtract, ..) => Binding::Sum,
        Node::Binary(Operation::Multiply | Operation::Divide, ..) => Binding::Product,
        Node::Binary(Operation::Power, ..) => Binding::Power,
        Node::Compare(..) => Binding::Comparison,
        Node::And(..) => Binding::And,
        Node::Or(..) | Node::Select(..) => Binding::Or,
        Node::Not(_) => Binding::Not,
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
        Leaf::Noise(i) => format!("noise{i}"),
        Leaf::Propagator(k) => format!("propagator{k}"),
        Leaf::PropagatorAdjoint(k) => format!("propagator{k}_bar"),
        Leaf::Dt => "dt".into(),
        Leaf::Refractory => "refractory".into(),
        Leaf::Coefficient(i) => format!("c{i}"),
        Leaf::Argument(0) => "x".into(),
        Leaf::Argument(i) => format!("x{i}"),
        Leaf::StateAdjoint(i) => format!("state{i}_bar"),
        Leaf::SpikeAdjoint => "z_bar".into(),
        Leaf::SignalAdjoint(i) => format!("output{i}_bar"),
        Leaf::OutputAdjoint(i) => format!("y{i}_bar"),
    }
}
