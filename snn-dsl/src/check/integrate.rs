//! The method of integration, and whether it can do what the equations ask for.

use super::neuron::Checker;
use crate::derive::{Obstacle, inexact_noise, not_linear};
use crate::diagnostic::{Diagnostic, closest};
use crate::expr::{Arena, Leaf, Node};
use crate::model::{Integration, Neuron, State};
use crate::source::Span;
use crate::syntax::tree::NeuronStatement;

/// Checks the `integrate` line, and the equations by it.
pub(super) fn check(checker: &mut Checker) {
    let line = method(checker);
    if checker.typing.diagnostics.has_errors() {
        return;
    }
    detached_states(checker);
    noise(checker, line);
    if checker.neuron.integration == Integration::Exact {
        exact(checker);
    }
}

/// Reads the line and says where it stands.
fn method(checker: &mut Checker) -> Option<Span> {
    let lines = checker.tree.statements.iter().filter_map(|s| match s {
        NeuronStatement::Integrate(method) => Some(method),
        _ => None,
    });
    let mut first = None;
    for method in lines {
        if let Some(first) = first {
            let message = "expected one `integrate` line, found a second one";
            let diagnostic = Diagnostic::error("E0417", method.span, message).also(first, "the first one");
            checker.typing.diagnostics.push(diagnostic.hint("remove one of them"));
            continue;
        }
        first = Some(method.span);
        let known = Integration::ALL.iter().find(|(name, _)| *name == method.name);
        match known {
            Some((_, integration)) => checker.neuron.integration = *integration,
            None => {
                let message = format!("expected a method of integration, found `{}`", method.name);
                let diagnostic = Diagnostic::error("E0419", method.span, message).hint(remedy(&method.name));
                checker.typing.diagnostics.push(diagnostic);
            }
        }
    }
    first
}

fn remedy(name: &str) -> String {
    let names = Integration::ALL.iter().map(|m| m.0);
    let meant = match name.to_ascii_lowercase().as_str() {
        "exponential" | "exp_euler" | "exp_auto" | "rosenbrock" | "expeuler" => Some("exponential_euler"),
        "forward_euler" | "explicit_euler" => Some("euler"),
        "euler_maruyama" | "heun" | "milstein" => Some("auto"),
        "midpoint" | "rk" => Some("rk2"),
        "runge_kutta" | "rk45" | "rkf45" => Some("rk4"),
        "linear" | "propagator" | "analytic" => Some("exact"),
        _ => closest(name, names.clone()),
    };
    let list = names.collect::<Vec<_>>().join(", ");
    match meant {
        Some(meant) => format!("write `integrate {meant}`; the methods are {list}"),
        None => format!("the methods are {list}"),
    }
}

/// An exponential method follows the slope of an equation in its own state, which a `detach` around that state hides.
fn detached_states(checker: &mut Checker) {
    use Integration::{Euler, RungeKutta2, RungeKutta4};
    if matches!(checker.neuron.integration, Euler | RungeKutta2 | RungeKutta4) {
        return;
    }
    let arena = &checker.typing.arena;
    let hides = |(i, state): &(usize, &State)| {
        let own = Leaf::State(*i as u16);
        let inside = |e| matches!(arena.node(e), Node::Detach(a) if arena.depends_on(a, own));
        arena.reachable([state.rhs, state.coefficient]).into_iter().any(inside)
    };
    let found: Vec<(Span, String)> = checker
        .neuron
        .states
        .iter()
        .enumerate()
        .filter(hides)
        .map(|(_, s)| (s.equation_span, s.quantity.name.clone()))
        .collect();
    for (span, name) in found {
        let what = format!("`detach` of `{name}` in the equation of `{name}` with an exponential method");
        let hint = "an explicit method can do that: `integrate rk4`, `rk2` or `euler`";
        checker.typing.diagnostics.push(Diagnostic::not_supported(span, what).hint(hint));
    }
}

/// Methods of higher order would be of first order only with noise.
fn noise(checker: &mut Checker, line: Option<Span>) {
    let (name, integration) = match Integration::ALL.iter().find(|m| m.1 == checker.neuron.integration) {
        Some(&known) => known,
        None => return,
    };
    use Integration::{ExponentialMidpoint, RungeKutta2, RungeKutta4};
    if !matches!(integration, ExponentialMidpoint | RungeKutta2 | RungeKutta4) {
        return;
    }
    if let Some(state) = checker.neuron.states.iter().find(|s| s.noise.is_some()) {
        let what = format!("white noise with `integrate {name}`");
        let diagnostic = Diagnostic::not_supported(line.unwrap_or(checker.tree.name.span), what)
            .also(state.equation_span, "the noise")
            .hint("use `auto`, `exponential_euler` or `euler`, which take noise by Euler–Maruyama");
        checker.typing.diagnostics.push(diagnostic);
    }
}

/// `integrate exact` promises what `auto` only does where it can.
fn exact(checker: &mut Checker) {
    let neuron = Neuron { arena: Arena::default(), ..checker.neuron.clone() };
    let mut arena = checker.typing.arena.clone();
    let mut found = not_linear(&mut arena, &neuron);
    found.extend(inexact_noise(&mut arena, &neuron));
    for (state, obstacle) in found {
        let Some(state) = neuron.states.get(state) else { continue };
        let name = &state.quantity.name;
        let why = match obstacle {
            Obstacle::Coupled => "it depends on a state that depends on it, whose equation is not affine",
            Obstacle::NotAffine => {
                "the equation is not affine in the states of its system, with coefficients that are \
                                    constant over a step"
            }
            Obstacle::Varying => "its system has no closed form, and its coefficients change from step to step",
            Obstacle::Large => "too many states are coupled for a matrix exponential",
            Obstacle::Multiplicative => "the factor of its noise reads a state, which changes during a step",
            Obstacle::Mixed => {
                "its noise and that of other states reach the same states, and the factors change from step to step"
            }
        };
        let message = format!("expected an equation with an exact solution, found that of `{name}`");
        let diagnostic = Diagnostic::error("E0423", state.equation_span, message).label(why);
        let hint = match obstacle {
            Obstacle::Multiplicative => "`integrate auto` takes the factor as it is at the start of the step",
            _ => "`integrate auto` is exact where that is possible, and exponential Euler elsewhere",
        };
        checker.typing.diagnostics.push(diagnostic.hint(hint));
    }
}
