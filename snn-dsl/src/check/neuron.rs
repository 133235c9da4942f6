//! A neuron: every state has one equation, every port a meaning, and everything its unit.

use super::dimension::Dimension;
use super::scope::{Axes, Context, Definitions, Entry, Kind, Names, Scope, Typed};
use super::typing::{Typing, number};
use super::{declarations, equations, events, functions, integrate, spike};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::expr::{Interval, Leaf};
use crate::model;
use crate::syntax::tree::{Neuron, NeuronStatement};
use std::collections::{BTreeMap, BTreeSet};

/// The most parameters, states, ports and `let` lines together. What is derived for each state may read all others, and
/// they are counted with 16 bits.
const DECLARATIONS: usize = 1000;

/// A checked neuron and what networks need to know besides.
#[derive(Debug)]
pub(super) struct Checked {
    pub neuron: model::Neuron,
    /// No mistake was found in it.
    pub sound: bool,
    /// Parameters and ports whose dimension is not known, because of a mistake that was reported.
    pub poisoned: BTreeSet<String>,
    /// The states that no expression of the neuron reads.
    pub unread_states: BTreeSet<usize>,
    /// How many parts are looked at again for every layer of it.
    pub weight: usize,
    /// It declares so much that it was not looked through, which has been reported.
    pub too_large: bool,
    /// What its `let` names measure.
    pub lets: BTreeMap<String, Dimension>,
}

/// The state of the check of one neuron.
pub(super) struct Checker<'a> {
    pub context: Context<'a>,
    pub text: usize,
    pub typing: Typing<'a>,
    pub neuron: model::Neuron,
    pub poisoned: BTreeSet<String>,
    pub tree: &'a Neuron,
}

/// Checks one neuron of a text.
pub(super) fn check<'a>(
    context: Context<'a>,
    text: usize,
    tree: &'a Neuron,
    diagnostics: Diagnostics,
) -> Option<(Checked, Diagnostics)> {
    let definitions = context.texts.get(text)?;
    let neuron = model::Neuron {
        name: tree.name.name.clone(),
        docs: tree.docs.clone(),
        is_library: context.sources.file(tree.name.span.file).is_library,
        span: tree.name.span,
        arena: Default::default(),
        parameters: Vec::new(),
        states: Vec::new(),
        events: Vec::new(),
        drives: Vec::new(),
        lets: Vec::new(),
        on: Vec::new(),
        spike: None,
        refractory: None,
        integration: model::Integration::default(),
        outputs: Vec::new(),
    };
    let mut typing = Typing::new(context.sources, definitions, Scope::new());
    typing.diagnostics = diagnostics;
    typing.in_neuron = true;
    if let Some((name, _)) = names_of(tree).nth(DECLARATIONS) {
        let message = format!(
            "expected at most {DECLARATIONS} declarations in a neuron, found {} in `{}`",
            names_of(tree).count(),
            tree.name.name
        );
        let hint = "a population of many neurons is a `layer` of a network, not one neuron with many states";
        typing.diagnostics.push(Diagnostic::error("E0311", name.span, message).label("one too many").hint(hint));
        let (poisoned, unread_states) = Default::default();
        let checked = Checked {
            neuron,
            sound: false,
            poisoned,
            unread_states,
            weight: 0,
            too_large: true,
            lets: BTreeMap::new(),
        };
        return Some((checked, typing.diagnostics));
    }
    let mut checker = Checker { context, text, typing, neuron, poisoned: BTreeSet::new(), tree };
    checker.unsupported();
    declarations::declare(&mut checker);
    checker.lets();
    declarations::initial_values(&mut checker);
    equations::check(&mut checker);
    events::check(&mut checker);
    spike::check(&mut checker);
    integrate::check(&mut checker);
    Some(checker.finish())
}

impl<'a> Checker<'a> {
    /// The dimension of a state, parameter or port; `None` if it is not known because of a mistake.
    pub(super) fn dimension(&self, quantity: &model::Quantity) -> Option<Dimension> {
        (!self.poisoned.contains(&quantity.name)).then_some(quantity.dimension)
    }

    /// The index of a state; reports an unknown one.
    pub(super) fn state(&mut self, name: &crate::syntax::tree::Ident, code: &'static str) -> Option<usize> {
        let states = || self.neuron.states.iter().map(|s| s.quantity.name.as_str());
        if let Some(index) = states().position(|s| s == name.name) {
            return Some(index);
        }
        // The name is taken by something else, or its kind is in doubt: that was reported.
        let declared = names_of(self.tree).filter(|n| n.0.name == name.name).count();
        if declared > 1 || declared == 1 && super::scope::is_reserved(&name.name) {
            return None;
        }
        self.typing.scope.entry(name.name.clone()).or_insert(Entry::Poisoned);
        let states = || self.neuron.states.iter().map(|s| s.quantity.name.as_str());
        let mut diagnostic = Diagnostic::error(code, name.span, format!("expected a state, found `{}`", name.name));
        if self.neuron.parameters.iter().any(|p| p.quantity.name == name.name) {
            diagnostic = diagnostic.hint(format!("`{0}` is a parameter; declare `state {0}` if it changes", name.name));
        } else if let Some((_, what)) = names_of(self.tree).find(|n| n.0.name == name.name) {
            let states = states().map(|s| format!("`{s}`")).collect::<Vec<_>>().join(", ");
            let list = if states.is_empty() { String::new() } else { format!(": {states}") };
            let article = if what.starts_with('e') { "an" } else { "a" };
            diagnostic = diagnostic.hint(format!("`{}` is {article} {what}; only states change{list}", name.name));
        } else if code == "E0411"
            && let Some(state) = name.name.strip_prefix('d').and_then(|rest| states().find(|s| *s == rest))
        {
            diagnostic = diagnostic.hint(format!("a block changes the state itself: write `{state} += ...`"));
        } else if let Some(near) = self.typing.near(&name.name, states()) {
            diagnostic = diagnostic.hint(format!("did you mean `{near}`?"));
        } else {
            diagnostic = diagnostic.hint(format!("declare it: `state {} : mV = 0 mV`", name.name));
        }
        self.typing.fail(diagnostic)
    }

    fn unsupported(&mut self) {
        for statement in &self.tree.statements {
            if let NeuronStatement::Unsupported(words) = statement {
                self.typing.diagnostics.push(Diagnostic::not_supported(words.span, named(&words.name)));
            }
        }
    }

    fn lets(&mut self) {
        for statement in &self.tree.statements {
            let NeuronStatement::Let(line) = statement else { continue };
            let value = self.typing.expression(&line.value, None);
            // A second definition of a name was reported; the first stays.
            let waits = matches!(self.typing.scope.get(&line.name.name), Some(Entry::Forbidden(..)));
            if waits && !self.neuron.lets.iter().any(|l| l.0 == line.name.name) {
                let value = value.map(|v| match v.kind {
                    Kind::Number(_) => Typed { id: self.typing.finished(v.id), ..v },
                    Kind::Truth => v,
                });
                if let Some(value) = value {
                    self.neuron.lets.push((line.name.name.clone(), value.id));
                }
                self.typing.scope.insert(line.name.name.clone(), value.map_or(Entry::Poisoned, Entry::Value));
            }
        }
    }

    /// Warns about what is never read, and closes the check.
    fn finish(mut self) -> (Checked, Diagnostics) {
        let read = std::mem::take(&mut self.typing.read);
        let warn = |span, what: &str, name: &str, diagnostics: &mut Diagnostics| {
            let message = format!("{what} `{name}` is never read");
            diagnostics.push(Diagnostic::warning("W0401", span, message).hint("use it or remove its line"));
        };
        let sound = !self.typing.diagnostics.has_errors() && !self.typing.failed;
        // What a mistake left out may have been the only reader.
        let read = |name: &str| !sound || read.contains(name);
        let diagnostics = &mut self.typing.diagnostics;
        let parameters = self.neuron.parameters.iter().map(|p| ("parameter", &p.quantity));
        let drives = self.neuron.drives.iter().map(|d| ("drive", d));
        for (what, quantity) in parameters.chain(drives).filter(|(_, q)| !read(&q.name)) {
            warn(quantity.span, what, &quantity.name, diagnostics);
        }
        for statement in &self.tree.statements {
            if let NeuronStatement::Let(line) = statement
                && !read(&line.name.name)
            {
                warn(line.name.span, "name", &line.name.name, diagnostics);
            }
        }
        let unread = |s: &model::State| !read(&s.quantity.name);
        let unread_states = (0..).zip(&self.neuron.states).filter(|(_, s)| unread(s)).map(|(i, _)| i).collect();
        let lets = self.neuron.lets.iter().filter_map(|(name, _)| match self.typing.scope.get(name) {
            Some(Entry::Value(Typed { kind: Kind::Number(dimension), .. })) => Some((name.clone(), *dimension)),
            _ => None,
        });
        let lets = lets.collect();
        let Typing { arena, diagnostics, .. } = self.typing;
        let neuron = model::Neuron { arena, ..self.neuron };
        let scale = neuron.spike.iter().map(|s| s.scale);
        let read = scale.chain(neuron.refractory.iter().map(|r| r.duration));
        let weight = read.chain(neuron.states.iter().map(|s| s.coefficient)).map(|id| neuron.arena.bound(id)).sum();
        let poisoned = self.poisoned;
        (Checked { neuron, sound, poisoned, unread_states, weight, too_large: false, lets }, diagnostics)
    }
}

/// What a name of the neuron stands for, unless its dimension is not known.
pub(super) fn leaf(typing: &mut Typing, leaf: Leaf, dimension: Option<Dimension>) -> Entry {
    match dimension {
        Some(dimension) => Entry::Value(number(typing.arena.leaf(leaf), dimension, Axes::default())),
        None => Entry::Poisoned,
    }
}

/// The values a parameter can take: its range, or else its value, which a layer may replace.
pub(crate) fn interval(parameter: &model::Parameter, value: model::Value) -> Interval {
    if parameter.low.is_some() || parameter.high.is_some() {
        return Interval::new(parameter.low.unwrap_or(f64::NEG_INFINITY), parameter.high.unwrap_or(f64::INFINITY));
    }
    match value {
        _ if parameter.trainable => Interval::ALL,
        model::Value::Constant(value) => Interval::point(value),
        model::Value::Uniform { low, high } | model::Value::LogUniform { low, high } => Interval::new(low, high),
        model::Value::Normal { .. } => Interval::ALL,
    }
}

/// The declared names in their group, for [`declarations`].
pub(super) fn names_of(tree: &Neuron) -> impl Iterator<Item = (&crate::syntax::tree::Ident, &'static str)> {
    tree.statements.iter().filter_map(|s| match s {
        NeuronStatement::Param(p) => Some((&p.name, "parameter")),
        NeuronStatement::State(s) => Some((&s.name, "state")),
        NeuronStatement::Event(p) => Some((&p.name, "event port")),
        NeuronStatement::Drive(p) => Some((&p.name, "drive")),
        NeuronStatement::Let(l) => Some((&l.name, "`let`")),
        _ => None,
    })
}

/// Names of a neuron that are all different. One that is also a function's is reported but counts, for nothing else is
/// wrong with it.
pub(super) fn distinct(tree: &Neuron, definitions: &Definitions, diagnostics: &mut Diagnostics) -> BTreeSet<u32> {
    let mut names = Names::default();
    let mut free = BTreeSet::new();
    for (name, _) in names_of(tree) {
        if !names.declare(name, diagnostics) {
            continue;
        }
        free.insert(name.span.start);
        let word = name.name.as_str();
        if let Some(function) = definitions.functions.get(word) {
            let message = format!("`{word}` is also a function of this text");
            let diagnostic = Diagnostic::error("E0202", name.span, message).also(function.name.span, "defined here");
            diagnostics.push(diagnostic.hint("rename one of them"));
        } else if functions::exists(word) {
            let message = format!("expected a free name, found `{word}`, a function of the language");
            diagnostics.push(Diagnostic::error("E0203", name.span, message).hint("choose another name"));
        }
    }
    free
}

/// The name of a construct for a message: a word of the language is quoted, a description is not.
pub(super) fn named(words: &str) -> String {
    if words.contains(' ') && words.starts_with("a ") { words.to_string() } else { format!("`{words}`") }
}
