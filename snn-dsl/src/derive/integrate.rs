//! Exponential Euler: the equation `c dx/dt = alpha x + beta`, with alpha, beta and c frozen over the step, has the
//! solution x(t + dt) = exp(a dt) x + (expm1(a dt)/alpha) beta, a = alpha/c.
//!
//! Source: Certaine 1960; Hochbruck and Ostermann, Acta Numerica 19 (2010), section 2.

use crate::expr::{Affine, Arena, ExprId, Function, Leaf};
use crate::model::State;

/// Why a state is integrated the way it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// alpha is zero: x + dt/c beta, exact while beta is constant.
    Linear,
    /// alpha and c depend on parameters alone: the factors are hoisted.
    Hoisted,
    /// alpha or c reads other states or inputs: the factors are computed in every step.
    Varying,
}

impl Method {
    /// The reason as a sentence for a reader of `snn explain`.
    pub fn reason(self) -> &'static str {
        match self {
            Method::Linear => "the right-hand side does not contain the state itself",
            Method::Hoisted => "affine in its own state, and its rate depends on parameters alone",
            Method::Varying => "affine in its own state, and its rate changes from step to step",
        }
    }
}

/// The update of one state: `decay * x + gain * beta`.
#[derive(Clone, Copy, Debug)]
pub struct Update {
    /// How.
    pub method: Method,
    /// What multiplies the old state.
    pub decay: ExprId,
    /// What multiplies the rest of the right-hand side.
    pub gain: ExprId,
    /// The rest of the right-hand side.
    pub rest: ExprId,
}

/// The update of a state, as expressions of the states after events.
///
/// The checker has made sure that the equation is affine in its own state; if it were not, the state would stay as it
/// is.
pub(super) fn exponential_euler(arena: &mut Arena, index: usize, state: &State) -> Update {
    let leaf = Leaf::State(index as u16);
    let zero = arena.constant(0.0);
    let one = arena.constant(1.0);
    let Affine { slope: alpha, offset: rest } =
        arena.affine_in(state.rhs, leaf).unwrap_or(Affine { slope: zero, offset: zero });
    let c = state.coefficient;
    let dt = arena.leaf(Leaf::Dt);
    if alpha == zero {
        let gain = arena.divide(dt, c);
        return Update { method: Method::Linear, decay: one, gain, rest };
    }
    let alpha_dt = arena.multiply(alpha, dt);
    let a_dt = arena.divide(alpha_dt, c);
    let decay = arena.apply(Function::Exp, a_dt);
    // expm1(a dt)/alpha while alpha is known not to vanish; otherwise dt exprel(a dt)/c, the same without a pole.
    let gain = if arena.constant_value(alpha).is_some() {
        let growth = arena.apply(Function::Expm1, a_dt);
        arena.divide(growth, alpha)
    } else {
        let mean_growth = arena.apply(Function::Exprel, a_dt);
        let time = arena.multiply(dt, mean_growth);
        arena.divide(time, c)
    };
    let varying = [alpha, c].iter().any(|&e| {
        arena.leaves(e).iter().any(|l| matches!(l, Leaf::State(_) | Leaf::Event(_) | Leaf::Drive(_) | Leaf::Refractory))
    });
    let method = if varying { Method::Varying } else { Method::Hoisted };
    Update { method, decay, gain, rest }
}
