//! Starting values.

use super::plan::Plan;
use crate::graph::Graph;
use crate::{ParameterSet, Real};

pub(crate) fn parameters<R: Real>(_graph: &Graph<R>, plan: &Plan<R>, _seed: u64) -> ParameterSet<R> {
    ParameterSet::zeros(plan.layout.clone())
}
