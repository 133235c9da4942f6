//! The errors of a neuron's events as a linear filter of the impulses of its spike.

/// A constant of an [`ErrorFilter`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FilterEntry {
    /// A number.
    Number(f64),
    /// The coefficient with that index.
    Coefficient(usize),
}

/// How dL/d(events) follows from the impulses of the spike, if that is linear with constants: with G the gradients of S states, which
/// are 0 behind the last step, and q the impulse ([`Adjoint::impulse`](crate::Adjoint::impulse)) of a step,
///
/// ```text
/// dL/d(event e) = read[e] G + direct[e] q,    then G <- transition G + gain q
/// ```
///
/// from the last step to the first, as long as no gradient comes to the states but from the neuron itself. Weights commute
/// with the constants where these are the same for all neurons, so that errors can be sent back as products of weights with impulses
/// alone, most of which are 0 with a compact surrogate.
#[derive(Clone, Debug, PartialEq)]
pub struct ErrorFilter {
    /// `[S, S]`
    pub transition: Vec<FilterEntry>,
    /// `[S]`
    pub gain: Vec<FilterEntry>,
    /// `[events, S]`
    pub read: Vec<FilterEntry>,
    /// `[events]`
    pub direct: Vec<FilterEntry>,
}

impl ErrorFilter {
    /// The most states.
    pub const MAX_STATES: usize = 4;

    /// S.
    pub fn states(&self) -> usize {
        self.gain.len()
    }

    /// Whether the shapes are those for so many events and coefficients.
    pub(crate) fn is_sound(&self, events: usize, coefficients: usize) -> bool {
        let states = self.states();
        let all = || self.transition.iter().chain(&self.gain).chain(&self.read).chain(&self.direct);
        (1..=Self::MAX_STATES).contains(&states)
            && self.transition.len() == states * states
            && self.read.len() == events * states
            && self.direct.len() == events
            && all().all(|entry| !matches!(*entry, FilterEntry::Coefficient(c) if c >= coefficients))
    }
}
