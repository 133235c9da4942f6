//! Surrogates: the derivative that the backward pass uses at a threshold.

use super::dimension::Dimension;
use super::scope::{Axes, Context, Definitions, Entry, Names, Scope};
use super::typing::{Typing, number};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::expr::{Arena, ExprId, Leaf, evaluate, number as number_text};
use crate::model;
use crate::source::SourceMap;
use crate::syntax::tree::{Call, Surrogate};
use std::collections::BTreeMap;

/// A surrogate with numbers for its parameters.
struct Filled {
    arena: Arena,
    derivative: ExprId,
    primitive: ExprId,
    support: Option<f64>,
}

/// Checks a definition with its default arguments.
pub(super) fn check_definition<'a>(
    sources: &'a SourceMap,
    definitions: &'a Definitions<'a>,
    tree: &'a Surrogate,
    diagnostics: Diagnostics,
) -> Diagnostics {
    let mut typing = Typing::new(sources, definitions, Scope::new());
    typing.diagnostics = diagnostics;
    let mut names = Names::default();
    for name in tree.parameters.iter().chain(&tree.lets).map(|l| &l.name) {
        names.declare(name, &mut typing.diagnostics);
        if name.name == "x" {
            let message = "expected a free name, found `x`, the distance from the threshold";
            typing.diagnostics.push(Diagnostic::error("E0203", name.span, message).hint("choose another name"));
        }
    }
    let values: Vec<Option<f64>> = defaults(&mut typing, tree);
    let sound = values.iter().all(Option::is_some);
    let values: Vec<f64> = values.into_iter().map(|v| v.unwrap_or(1.0)).collect();
    for (line, what) in [(&tree.derivative, "derivative"), (&tree.primitive, "primitive")] {
        if line.is_none() {
            let message = format!("expected a line `{what} = ...` in surrogate `{}`", tree.name.name);
            let hint = match what {
                "derivative" => "it is what the backward pass uses, e.g. `derivative = 1/(1 + abs(x))^2`",
                _ => "it is the function whose derivative that is, e.g. `primitive = x/(1 + abs(x))`",
            };
            typing.diagnostics.push(Diagnostic::error("E0420", tree.name.span, message).hint(hint));
        }
    }
    let (filled, diagnostics) = fill(typing, tree, &values);
    let mut diagnostics = diagnostics;
    if let (Some(filled), Some(primitive), true) = (filled, &tree.primitive, sound)
        && !is_primitive(&filled)
    {
        diagnostics.push(
            Diagnostic::warning("W0404", primitive.span, "the derivative of `primitive` is not `derivative`")
                .hint("gradients are checked with `primitive`; the check will fail"),
        );
    }
    diagnostics
}

fn defaults<'a>(typing: &mut Typing<'a>, tree: &'a Surrogate) -> Vec<Option<f64>> {
    let what = |name: &str| format!("parameter `{name}` of a surrogate");
    tree.parameters.iter().map(|p| typing.constant_of(&p.value, Dimension::NONE, &what(&p.name.name))).collect()
}

/// Checks the lines of a definition with these values of its parameters.
fn fill<'a>(mut typing: Typing<'a>, tree: &'a Surrogate, values: &[f64]) -> (Option<Filled>, Diagnostics) {
    for (parameter, &value) in tree.parameters.iter().zip(values) {
        typing.scope.insert(parameter.name.name.clone(), Entry::Constant(value, Dimension::NONE));
    }
    let x = typing.arena.leaf(Leaf::Argument(0));
    typing.scope.insert("x".into(), Entry::Value(number(x, Dimension::NONE, Axes::default())));
    for line in &tree.lets {
        let value = typing.expression(&line.value, None);
        typing.scope.insert(line.name.name.clone(), value.map_or(Entry::Poisoned, Entry::Value));
    }
    let mut side = |line: &'a Option<_>, what| {
        let found = line.as_ref().and_then(|line| typing.quantity(line, Dimension::NONE, what));
        found.map(|q| typing.finished(q.id))
    };
    let derivative = side(&tree.derivative, "the derivative of a surrogate");
    let primitive = side(&tree.primitive, "the primitive of a surrogate");
    let support = tree.support.as_ref().map(|line| {
        let value = typing.constant_of(line, Dimension::NONE, "the support of a surrogate")?;
        if value > 0.0 {
            return Some(value);
        }
        let message = format!("expected a positive support, found {}", number_text(value));
        let hint = "outside of -support .. support the derivative is 0: leave the line out if there is no such place";
        typing.fail(Diagnostic::error("E0421", line.span, message).hint(hint))
    });
    if let (Some(line), Some(Some(width)), Some(derivative)) = (&tree.support, support, derivative)
        && let Some((x, g)) = beyond(&typing.arena, derivative, width)
    {
        let (width, x, g) = (number_text(width), number_text(x), number_text(g));
        let message = format!("expected a derivative of 0 beyond the support of {width}, found {g} at x = {x}");
        let hint = "make the support wider, or leave the line out: it only says where the derivative is 0";
        typing.diagnostics.push(Diagnostic::error("E0421", line.span, message).hint(hint));
    }
    let Typing { arena, diagnostics, .. } = typing;
    let filled = match (derivative, primitive, support) {
        (Some(derivative), Some(primitive), None | Some(Some(_))) => {
            Some(Filled { arena, derivative, primitive, support: support.flatten() })
        }
        _ => None,
    };
    (filled, diagnostics)
}

/// A place beyond the support where g is not 0, and what it is there.
fn beyond(arena: &Arena, derivative: ExprId, width: f64) -> Option<(f64, f64)> {
    let places = [1.001, 1.1, 1.5, 2.3, 5.0, 40.0].into_iter().flat_map(|k| [k * width, -k * width]);
    let at = |x: f64| evaluate(arena, derivative, |l| (l == Leaf::Argument(0)).then_some(x));
    places.filter_map(|x| Some((x, at(x)?))).find(|(_, g)| g.abs() > 1e-9)
}

/// Compares g with differences of G at a few points; one of them may lie at a kink.
fn is_primitive(filled: &Filled) -> bool {
    let at = |id: ExprId, x: f64| evaluate(&filled.arena, id, |l| (l == Leaf::Argument(0)).then_some(x));
    let h = 1e-4;
    let wrong = |x: &&f64| {
        let (Some(above), Some(below), Some(g)) =
            (at(filled.primitive, **x + h), at(filled.primitive, **x - h), at(filled.derivative, **x))
        else {
            return false;
        };
        let slope = (above - below) / (2.0 * h);
        (slope - g).abs() > 1e-3 * (1.0 + g.abs())
    };
    [-2.317, -0.713, -0.137, 0.0913, 0.4171, 1.618, 3.19].iter().filter(wrong).count() < 2
}

/// A surrogate as a threshold names it, in the arena of `typing`.
pub(super) fn resolve<'a>(
    context: &Context<'a>,
    text: usize,
    call: &'a Call,
    typing: &mut Typing<'a>,
) -> Option<model::Surrogate> {
    let known = context.surrogates.get(text)?;
    let Some(definition) = known.get(call.name.name.as_str()) else {
        let message = format!("expected a surrogate, found `{}`", call.name.name);
        let names = known.keys().copied().chain(crate::library::surrogate_names().iter().copied());
        let diagnostic = Diagnostic::error("E0210", call.name.span, message);
        return typing.fail(match typing.near(&call.name.name, names) {
            Some(near) => diagnostic.hint(format!("did you mean `{near}`?")),
            None if elsewhere(&call.name.name).is_some() => {
                let here = elsewhere(&call.name.name).unwrap_or_default();
                diagnostic.hint(format!("it is `{here}` here"))
            }
            None => {
                diagnostic.hint("the library has `sigmoid`, among others; or define it: `surrogate NAME(...) { ... }`")
            }
        });
    };
    let tree = definition.tree;
    let given = arguments(typing, call, tree);
    if definition.broken {
        return None;
    }
    let mut given = given?;
    let other = context.texts.get(definition.text)?;
    let mut own = Typing::new(context.sources, other, Scope::new());
    own.again = true;
    let defaults = defaults(&mut own, tree);
    let mut values = Vec::new();
    for (parameter, default) in tree.parameters.iter().zip(defaults) {
        values.push(given.remove(parameter.name.name.as_str()).or(default)?);
    }
    let (filled, diagnostics) = fill(own, tree, &values);
    for diagnostic in diagnostics.into_sorted() {
        typing.diagnostics.push(diagnostic.also(call.span, "with these arguments"));
    }
    if typing.definitions.budget.is_spent() {
        return typing.spent(call.span);
    }
    let filled = filled?;
    let mut import = |id: ExprId| typing.arena.import(&filled.arena, id, |arena, leaf| arena.leaf(leaf));
    let (derivative, primitive) = (import(filled.derivative), import(filled.primitive));
    let list: Vec<String> =
        tree.parameters.iter().zip(&values).map(|(p, v)| format!("{} = {}", p.name.name, number_text(*v))).collect();
    let arguments = if list.is_empty() { String::new() } else { format!("({})", list.join(", ")) };
    Some(model::Surrogate {
        text: format!("{}{arguments}", tree.name.name),
        derivative,
        primitive,
        support: filled.support,
    })
}

/// What a surrogate of another library is called here.
fn elsewhere(name: &str) -> Option<&'static str> {
    Some(match name.to_ascii_lowercase().as_str() {
        "fast_sigmoid" => "inv_square_grad(alpha = 25)",
        "superspike" | "super_spike" => "inv_square_grad(alpha = 100)",
        "atan" => "arctan(alpha = 2)",
        "triangle" | "triangular" => "piecewise_quadratic(alpha = 1)",
        "gaussian" => "gaussian_grad",
        _ => return None,
    })
}

/// The arguments of a call by parameter.
fn arguments<'a>(typing: &mut Typing<'a>, call: &'a Call, tree: &'a Surrogate) -> Option<BTreeMap<&'a str, f64>> {
    let mut values = BTreeMap::new();
    let mut sound = true;
    for (i, argument) in call.arguments.iter().enumerate() {
        let names = || tree.parameters.iter().map(|p| p.name.name.as_str());
        let parameter = match &argument.name {
            None => names().nth(i),
            Some(name) => names().find(|n| *n == name.name),
        };
        let Some(parameter) = parameter else {
            sound = false;
            let span = argument.name.as_ref().map_or(argument.value.span, |n| n.span);
            let found = argument.name.as_ref().map_or("one more".into(), |n| format!("`{}`", n.name));
            let message = format!("expected an argument of surrogate `{}`, found {found}", tree.name.name);
            let list = names().collect::<Vec<_>>().join("`, `");
            let near = argument.name.as_ref().and_then(|n| typing.near(&n.name, names()));
            typing.diagnostics.push(Diagnostic::error("E0211", span, message).hint(match near {
                Some(near) => format!("did you mean `{near}`?"),
                None if list.is_empty() => "it has no parameters".into(),
                None => format!("it has `{list}`"),
            }));
            continue;
        };
        if values.contains_key(parameter) {
            sound = false;
            let message = format!("argument `{parameter}` is given twice");
            typing
                .diagnostics
                .push(Diagnostic::error("E0211", argument.value.span, message).hint("remove one of the two"));
            continue;
        }
        let what = format!("argument `{parameter}` of a surrogate");
        // Parameters of the neuron are not constants: the message says so.
        match typing.constant_of(&argument.value, Dimension::NONE, &what) {
            Some(value) => {
                values.insert(parameter, value);
            }
            None => sound = false,
        }
    }
    sound.then_some(values)
}
