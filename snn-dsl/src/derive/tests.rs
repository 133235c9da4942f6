//! What the derivation leaves to be computed in every step, and what the step keeps.

use super::{Derived, Tape, derive};
use crate::compile::compile;
use crate::expr::{Leaf, Node};

fn derived(rest: &str) -> Derived {
    let text = format!(
        "neuron Cell {{
            param tau = 10 ms
            param p = 1.7 trainable
            event e
            state V = 1
            state W
            on e {{ V += e }}
            tau dV/dt = -V
            5 ms dW/dt = -W + {rest}
            integrate exponential_euler
        }}"
    );
    derive(&compile("", &text).model.unwrap().neurons[0])
}

#[test]
fn nothing_of_coefficients_alone_is_computed_in_a_step() {
    // The derivative of a power by its base has the exponent p - 1, which no forward value has.
    for rest in ["pow(V, p)", "p*p*sin(V)/(1 + p)", "exp(p)*V/(1 + V*V)", "relu(V - p)"] {
        let derived = derived(rest);
        for program in [derived.step_program(true), derived.reverse_program()] {
            for id in program.order {
                let leaves = derived.arena.leaves(id);
                let computed = !matches!(derived.arena.node(id), Node::Leaf(_) | Node::Constant(_) | Node::Truth(_));
                let pure = leaves.iter().all(|l| matches!(l, Leaf::Coefficient(_) | Leaf::Parameter(_) | Leaf::Dt));
                assert!(!computed || !pure, "{rest}: {:?} of {leaves:?}", derived.arena.node(id));
            }
        }
    }
}

#[test]
fn a_choice_costs_a_flag_and_what_does_not_fit_a_number() {
    let choices = |n: usize| (0..n).map(|k| format!("abs(V - {k})")).collect::<Vec<_>>().join(" + ");
    for n in [1, 7, 8, 9, 11] {
        let tape = derived(&choices(n)).tape;
        let [flags, reals] = [tape.flags.len(), tape.reals.len()];
        assert_eq!(flags, n.min(Tape::MAX_FLAGS), "{n} choices");
        assert_eq!(reals, n - flags, "{n} choices");
        assert_eq!(tape.stored().len(), flags + reals);
        assert_eq!(tape.bytes(8), 8 * reals + 1);
    }
    assert_eq!(derived("1").tape.flags.len(), 0);
}

#[test]
fn a_detached_parameter_stays_in_the_step() {
    let derived = derived("W - detach(p)*W");
    let is_detached = |id| matches!(derived.arena.node(id), Node::Detach(_));
    assert!(derived.step_program(true).order.into_iter().any(is_detached));
    assert!(!derived.coefficients.iter().any(|c| derived.arena.reachable([c.value]).into_iter().any(is_detached)));
}

#[test]
fn the_tape_holds_what_the_step_computed() {
    // The gain of V times E is known before the first step, for the step as for its reverse.
    let text = "neuron Cell {
        param tau = 20 ms
        param E = 3 mV
        event e : mV
        state g : mV
        state V : mV
        on e { g += e }
        5 ms dg/dt = -g
        tau dV/dt = E - V + g
        spike when V > 9 mV surrogate sigmoid scale 4 mV { V = 0 mV }
        refractory 5 ms holding V
    }";
    let derived = derive(&compile("", text).model.unwrap().neurons[0]);
    let computed = derived.step_program(false).order;
    assert!(!derived.tape.reals.is_empty());
    assert!(derived.tape.reals.iter().all(|id| computed.contains(id)), "{:?} of {computed:?}", derived.tape.reals);
}
