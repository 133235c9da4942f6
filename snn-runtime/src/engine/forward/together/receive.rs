//! What arrives at the neurons of a part: as in [`crate::engine::forward::receive`], for one sample, and in the same order.

use super::part::{Group, Recent, reached};
use crate::Real;
use crate::engine::call::Call;
use crate::engine::forward::AHEAD;
use crate::engine::projection::ProjectionPlan;
use crate::engine::sent::{Message, Sent, within};
use crate::engine::wiring::{Section, Wiring, deliver_all};
use crate::graph::Source;

/// What a part reads.
pub(super) struct View<'a, 'b, 'c, R> {
    pub(super) call: &'a Call<'b, 'c, R>,
    /// What inputs have sent.
    pub(super) sent: &'a Sent<R>,
    /// What populations have sent.
    pub(super) recent: &'a [Recent],
    pub(super) sections: &'a [Section],
}

impl<'a, R: Real> View<'a, '_, '_, R> {
    /// What of the rows of a projection arrives in step `t`.
    fn message(&self, p: &ProjectionPlan, t: usize) -> Option<Message<'a, R>> {
        match p.source {
            Source::Population(source) if t >= p.delay => {
                Some(Message::Spikes(within(self.recent[source].step(t - p.delay), &p.sources)))
            }
            _ => self.sent.message(self.call, p, 0, t),
        }
    }
}

impl<R: Real> Group<R> {
    /// Sums what arrives at all ports in step `t`, and counts connections.
    pub(super) fn receive(&mut self, view: &View<'_, '_, '_, R>, t: usize, operations: &mut u64) {
        let ports = self.p.incoming.len();
        if t.is_multiple_of(AHEAD) {
            (0..ports).for_each(|port| self.receive_ahead(view, port, t, operations));
        }
        (0..ports).for_each(|port| self.receive_now(view, port, t, operations));
    }

    /// The dense inputs that come first at a port, for the next steps at once.
    fn receive_ahead(&mut self, view: &View<'_, '_, '_, R>, port: usize, t: usize, operations: &mut u64) {
        let (call, p, cells) = (view.call, &self.p, &mut self.cells);
        let early = &p.incoming[port][..p.prefix[port]];
        if early.is_empty() {
            return;
        }
        let bias = &call.weights.bias(call.plan, self.population, port)[self.range.clone()];
        let steps = t..call.plan.simulation.steps.min(t + AHEAD);
        for t in steps.clone() {
            let place = cells.arrival(p, t, port, 0);
            cells.arriving()[place].copy_from_slice(bias);
        }
        for &j in early {
            let mut lists = [(&[][..], 0); AHEAD];
            for (list, t) in lists.iter_mut().zip(steps.clone()) {
                if let Some(Message::Spikes(spikes)) = view.message(&call.plan.projections[j], t) {
                    *list = (spikes, cells.arrival(p, t, port, 0).start);
                    *operations += (spikes.len() * p.n) as u64;
                }
            }
            call.weights.forward[j].add_rows_within(
                self.range.clone(),
                &lists[..steps.len()],
                0,
                None,
                cells.arriving(),
            );
        }
    }

    /// All else at a port.
    fn receive_now(&mut self, view: &View<'_, '_, '_, R>, port: usize, t: usize, operations: &mut u64) {
        let (call, p, cells) = (view.call, &self.p, &mut self.cells);
        let (early, late) = p.incoming[port].split_at(p.prefix[port]);
        let bias = &call.weights.bias(call.plan, self.population, port)[self.range.clone()];
        let (place, left, direct) = (cells.arrival(p, t, port, 0), cells.left(port), cells.is_direct(p, port));
        let arriving = &mut cells.arriving()[place];
        // The columns of a projection that are here, and their places.
        let own = |projection: &ProjectionPlan| {
            let columns = reached(&projection.targets, &self.range);
            let start = (projection.targets.start + columns.start).saturating_sub(self.range.start);
            (start..start + columns.len(), columns)
        };
        // What listed connections bring in a step: where they are, the place of their columns, and the spikes.
        let lists = |t: usize| {
            late.iter().filter_map(move |&j| {
                let projection = &call.plan.projections[j];
                let (place, columns) = own(projection);
                match (&projection.wiring, view.message(projection, t)) {
                    (Wiring::Sparse(list), Some(Message::Spikes(spikes))) if !columns.is_empty() => {
                        Some((&view.sections[j], list, projection.sources.start, place, spikes))
                    }
                    _ => None,
                }
            })
        };
        if direct {
            // Nothing is left of the last step.
        } else if left.few != 0 {
            for (section, list, source, place, spikes) in lists(t - 1) {
                section.restore(list, spikes, source, &bias[place.clone()], &mut arriving[place]);
            }
        } else if early.is_empty() && left.many != 0 {
            arriving.copy_from_slice(bias);
        }
        let mut touched = 0;
        for &j in late {
            let projection = &call.plan.projections[j];
            let ((place, columns), source) = (own(projection), projection.sources.start);
            if columns.is_empty() {
                continue;
            }
            let (section, out) = (&view.sections[j], &mut arriving[place]);
            match (view.message(projection, t), &projection.wiring) {
                (None | Some(Message::Spikes([])), _) => {}
                (Some(Message::Spikes(spikes)), Wiring::Sparse(list)) => {
                    let connections = section.degrees(spikes, source);
                    *operations += connections as u64;
                    touched += connections;
                    let (weights, same) = (call.weights.listed(projection), call.weights.same(projection));
                    section.add_spikes(list, spikes, source, weights, same, out);
                }
                (Some(Message::Values(x)), Wiring::Sparse(list)) => {
                    section.add_values(list, x, call.weights.listed(projection), out);
                    touched = p.n;
                }
                (Some(Message::Spikes(spikes)), _) => {
                    *operations += (spikes.len() * columns.len()) as u64;
                    call.weights.forward[j].add_rows_within(columns, &[(spikes, 0)], source, None, out);
                    touched = p.n;
                }
                // Networks with these are not dealt to threads.
                (Some(Message::Values(_)), _) => {}
            }
        }
        if !direct {
            return cells.leave(port, u8::from(touched > 0), &[touched]);
        }
        if touched == 0 {
            return;
        }
        let few = cells.are_few(touched);
        let (arrived, state) = cells.arrived(p, t, port, 0);
        if !few {
            return deliver_all(arrived, state);
        }
        for (section, list, source, place, spikes) in lists(t) {
            section.deliver(list, spikes, source, &mut arrived[place.clone()], &mut state[place]);
        }
    }
}
