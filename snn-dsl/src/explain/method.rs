//! How each state is integrated, and why, as sentences.

use crate::derive::{Derived, Method, Noise, Obstacle, Rule};
use crate::model::Neuron;
use std::collections::BTreeMap;

/// One line for each state: its class, the method, the reason.
pub(super) fn lines(neuron: &Neuron, derived: &Derived) -> Vec<String> {
    let obstacles: Option<BTreeMap<usize, Obstacle>> =
        derived.step.obstacles.as_ref().map(|list| list.iter().copied().collect());
    let line = |(i, update): (usize, &crate::derive::Update)| {
        let name = state_name(neuron, i);
        let obstacle = obstacles.as_ref().map(|found| found.get(&i).copied());
        format!("{name}: {}{}", method(neuron, i, &update.method, obstacle), noise(neuron, i, update.noise.as_ref()))
    };
    derived.step.updates.iter().enumerate().map(line).collect()
}

fn state_name(neuron: &Neuron, i: usize) -> &str {
    neuron.states.get(i).map_or("", |s| s.quantity.name.as_str())
}

/// `obstacle`: under the component rule, what keeps the state from being linear, if anything.
fn method(neuron: &Neuron, i: usize, method: &Method, obstacle: Option<Option<Obstacle>>) -> String {
    let why = match obstacle {
        Some(Some(Obstacle::Varying)) => {
            Some("its linear system has no closed form, and coefficients that change from step to step")
        }
        Some(Some(Obstacle::Large)) => Some("more states are coupled than a matrix exponential is taken of"),
        Some(Some(Obstacle::NotAffine | Obstacle::Coupled)) => Some("affine in itself, but its system is nonlinear"),
        _ => None,
    };
    let is_exact = obstacle == Some(None);
    match method {
        Method::Exact { states, closed } => {
            let others: Vec<&str> = states.iter().filter(|&&j| j != i).map(|&j| state_name(neuron, j)).collect();
            let form = if *closed { "closed formulas" } else { "a matrix exponential" };
            format!("exact; linear together with {}, solved by {form}", others.join(", "))
        }
        Method::Constant if is_exact => "exact; linear, and its right-hand side does not contain it".into(),
        Method::Affine { varying: false } if is_exact => "exact; linear, with a rate of parameters alone".into(),
        Method::Affine { varying: true } if is_exact => {
            "exact; linear, with a rate that is computed in every step".into()
        }
        Method::Rosenbrock => {
            "exponential Euler with the slope at the start of the step (Rosenbrock–Euler); nonlinear in itself".into()
        }
        Method::Constant => {
            format!("exponential Euler; {}", why.unwrap_or("the right-hand side does not contain the state itself"))
        }
        Method::Affine { varying } => {
            let rate =
                if *varying { "its rate changes from step to step" } else { "its rate depends on parameters alone" };
            match why {
                Some(why) => format!("exponential Euler; {why}; {rate}"),
                None => format!("exponential Euler; affine in its own state, and {rate}"),
            }
        }
        Method::Midpoint => "exponential midpoint, as the model asks; second order".into(),
        Method::RungeKutta(1) => "Euler, as the model asks; first order".into(),
        Method::RungeKutta(2) => "midpoint rule (Runge–Kutta), as the model asks; second order".into(),
        Method::RungeKutta(_) => "classical Runge–Kutta, as the model asks; fourth order".into(),
        Method::Held => "held".into(),
    }
}

fn noise(neuron: &Neuron, i: usize, noise: Option<&Noise>) -> String {
    let Some(noise) = noise else { return String::new() };
    let mut text = match noise.sources.as_slice() {
        [source] if *source == i => "; noise".to_string(),
        sources => {
            let names: Vec<&str> = sources.iter().map(|&j| state_name(neuron, j)).collect();
            format!("; noise of {}", names.join(", "))
        }
    };
    text.push_str(match noise.rule {
        Rule::EulerMaruyama => " by Euler–Maruyama",
        Rule::Variance => " with the variance of the Ornstein–Uhlenbeck process over a step",
        Rule::Covariance => " with the covariance of the linear system over a step",
        Rule::Passed => {
            " with the variance of each source over a step, passed on as if it were constant over the step: in the next state \
             its variance is a quarter too small"
        }
    });
    if noise.frozen {
        text.push_str(", with factors as at the start of the step");
    }
    text
}

#[cfg(test)]
mod tests {
    use crate::compile::compile;
    use crate::explain::explain;

    /// What `explain` says of the noise of x and y, with these factors.
    fn noise(of_x: &str, of_y: &str) -> [String; 2] {
        let text = format!(
            "neuron N {{
                param tau = 10 ms
                drive g
                state x
                state y
                tau dx/dt = -x + g + {of_x}*sqrt(tau)*xi
                tau dy/dt = x - y + {of_y}*sqrt(tau)*xi
            }}"
        );
        let text = explain(&compile("", &text).model.unwrap());
        ["x", "y"].map(|state| {
            let start = format!("    {state}: exact; ");
            let line = text.lines().find(|line| line.starts_with(&start)).unwrap();
            line.split_once("; noise").map_or("", |(_, noise)| noise).to_string()
        })
    }

    #[test]
    fn noise_is_described_as_it_is_drawn() {
        let covariance = " with the covariance of the linear system over a step";
        assert_eq!(noise("2", "0"), [covariance.to_string(), format!(" of x{covariance}")]);
        assert_eq!(noise("2", "3"), [covariance.to_string(), format!(" of x, y{covariance}")]);
        assert_eq!(noise("g", "0")[0], covariance);
        assert_eq!(noise("x", "0")[0], format!("{covariance}, with factors as at the start of the step"));
        let variance = " with the variance of the Ornstein–Uhlenbeck process over a step";
        assert_eq!(noise("0", "3"), ["".to_string(), variance.to_string()]);
        assert!(
            noise("g", "2").iter().all(|text| text.ends_with("in the next state its variance is a quarter too small"))
        );
    }
}
