//! What arrives at the neurons of a population. `together::receive` is the same for some of the neurons, in the same order of
//! additions.

use super::{AHEAD, Cells, Counts};
use crate::Real;
use crate::engine::BLOCK;
use crate::engine::call::Call;
use crate::engine::plan::PopulationPlan;
use crate::engine::projection::ProjectionPlan;
use crate::engine::rare_rows::Rows;
use crate::engine::sent::{Message, Sent, slots};
use crate::engine::wiring::{Wiring, deliver_all};
use crate::engine::workspace::Scratch;
use crate::graph::Source;

/// Sums what arrives at the ports of a population in step `t`, in all samples of the block.
pub(super) fn receive<R: Real>(
    call: &Call<'_, '_, R>,
    scratch: &mut Scratch<R>,
    population: usize,
    t: usize,
    counts: &mut Counts,
) {
    let ports = call.plan.populations[population].incoming.len();
    if t.is_multiple_of(AHEAD) {
        (0..ports).for_each(|port| receive_ahead(call, scratch, population, port, t, counts));
    }
    for port in 0..ports {
        receive_now(call, scratch, population, port, t, counts);
    }
}

/// The dense inputs that come first at a port, for the next steps at once.
fn receive_ahead<R: Real>(
    call: &Call<'_, '_, R>,
    scratch: &mut Scratch<R>,
    population: usize,
    port: usize,
    t: usize,
    counts: &mut Counts,
) {
    let p = &call.plan.populations[population];
    let early = &p.incoming[port][..p.prefix[port]];
    if early.is_empty() {
        return;
    }
    let (cells, sent, count) = (&mut scratch.cells[population], &scratch.sent, scratch.sent.count);
    let steps = t..call.plan.simulation.steps.min(t + AHEAD);
    let bias = call.weights.bias(call.plan, population, port);
    let mut begun = false;
    for &j in early {
        let projection = &call.plan.projections[j];
        let Source::Input(input) = projection.source else { continue };
        // What was sent before the window comes first.
        let begin = steps.start.max(projection.delay).min(steps.end);
        // The sums begin with the biases.
        let start = (!begun && begin == steps.start).then_some(bias);
        if !begun && start.is_none() {
            for place in steps.clone().flat_map(|t| (0..count).map(move |slot| (t, slot))) {
                let place = cells.arrival(p, place.0, port, place.1);
                cells.arriving()[place].copy_from_slice(bias);
            }
        }
        begun = true;
        for t in steps.start..begin {
            for slot in 0..count {
                if let Some(Message::Spikes(list)) = sent.message(call, projection, slot, t) {
                    counts.operations += (list.len() * p.n) as u64;
                    let place = cells.arrival(p, t, port, slot);
                    call.weights.forward[j].add_rows_at(&[(list, place.start)], 0, None, cells.arriving());
                }
            }
        }
        for slot in 0..count {
            let train = sent.input(call, input, slot);
            if let Some(bias) = start {
                let sent_steps = steps.start - projection.delay..steps.end - projection.delay;
                let sums = Rows { place: cells.arrival(p, steps.start, port, slot).start, stride: cells.stride(p) };
                if call.weights.forward[j].add_rare_rows(train, sent_steps.clone(), bias, sums, cells.arriving()) {
                    counts.operations += (train.spikes(sent_steps).len() * p.n) as u64;
                    continue;
                }
            }
            let mut lists = [(&[][..], 0); AHEAD];
            for (list, t) in lists.iter_mut().zip(begin..steps.end) {
                *list = (train.step(t - projection.delay), cells.arrival(p, t, port, slot).start);
                counts.operations += (list.0.len() * p.n) as u64;
            }
            call.weights.forward[j].add_rows_at(&lists[..steps.end - begin], 0, start, cells.arriving());
        }
    }
}

/// All else at a port.
fn receive_now<R: Real>(
    call: &Call<'_, '_, R>,
    scratch: &mut Scratch<R>,
    population: usize,
    port: usize,
    t: usize,
    counts: &mut Counts,
) {
    let p = &call.plan.populations[population];
    let (cells, sent, count) = (&mut scratch.cells[population], &scratch.sent, scratch.sent.count);
    let (early, late) = p.incoming[port].split_at(p.prefix[port]);
    let here = Port { call, sent, population, port, t };
    let direct = cells.is_direct(p, port);
    // Elsewhere the dense inputs began with the biases.
    let takes_back = !direct && early.is_empty();
    if takes_back {
        here.take_back(cells, u8::MAX >> (BLOCK - count));
    }
    // By how many listed connections something came, in the samples where it did.
    let (mut reached, mut touched) = (0, [0; BLOCK]);
    for &j in late {
        let projection = &call.plan.projections[j];
        let senders = sent.senders(call, projection, t);
        if senders == 0 {
            continue;
        }
        let source = projection.sources.start;
        let mut lists = [(&[][..], 0); BLOCK];
        let mut dense = 0;
        for slot in slots(senders) {
            let touched = &mut touched[slot];
            let Some(message) = sent.message(call, projection, slot, t) else { continue };
            let place = cells.arrival(p, t, port, slot).start + projection.targets.start;
            let out = &mut cells.arriving()[place..place + projection.columns];
            let (listed, same) = match projection.plastic {
                Some(rule) => (&scratch.plastic[slot * call.plan.plastic.len() + rule][..], None),
                None if matches!(projection.wiring, Wiring::Dense) => (&[][..], None),
                None => (call.weights.listed(projection), call.weights.same(projection)),
            };
            match (message, &projection.wiring) {
                (Message::Spikes([]), _) => continue,
                (Message::Spikes(list), Wiring::Dense) => {
                    counts.operations += (list.len() * projection.columns) as u64;
                    lists[dense] = (list, place);
                    dense += 1;
                }
                // Nothing else arrives here that would have to be summed first.
                (Message::Spikes(&[spike]), wiring) if direct && late.len() == 1 => {
                    counts.operations += wiring.degree(spike as usize - source, projection.columns) as u64;
                    let (_, state) = cells.arrived(p, t, port, slot);
                    let state = &mut state[projection.targets.clone()];
                    wiring.add_spike_to_state(spike, source, listed, same, state);
                    continue;
                }
                (Message::Spikes(list), wiring) => {
                    let degree = |&i: &u32| wiring.degree(i as usize - source, projection.columns) as u64;
                    let connections = list.iter().map(degree).sum::<u64>();
                    counts.operations += connections;
                    *touched += connections as usize;
                    reached |= 1 << slot;
                    wiring.add_spikes(list, source, listed, same, out);
                    continue;
                }
                (Message::Values(x), Wiring::Dense) => call.weights.forward[j].product(1, x, x.len(), out),
                (Message::Values(x), wiring) => wiring.add_values(x, listed, out),
            }
            *touched = p.n;
            reached |= 1 << slot;
        }
        if dense > 0 {
            call.weights.forward[j].add_rows_at(&lists[..dense], source, None, cells.arriving());
        }
    }
    if direct {
        slots(reached).for_each(|slot| here.deliver(cells, slot, touched[slot]));
    } else if takes_back {
        cells.leave(port, reached, &touched);
    }
}

/// A port in a step.
struct Port<'a, 'b, 'c, R> {
    call: &'a Call<'b, 'c, R>,
    sent: &'a Sent<R>,
    population: usize,
    port: usize,
    t: usize,
}

impl<'a, R: Real> Port<'a, '_, '_, R> {
    fn plan(&self) -> &'a PopulationPlan<R> {
        &self.call.plan.populations[self.population]
    }

    /// The projections whose spikes are summed in this step, with those that arrive from what was sent for step `t`.
    fn lists(&self, slot: usize, t: usize) -> impl Iterator<Item = (&'a ProjectionPlan, &'a [u32])> {
        let (call, sent, p) = (self.call, self.sent, self.plan());
        let late = &p.incoming[self.port][p.prefix[self.port]..];
        late.iter().filter_map(move |&j| {
            let projection = &call.plan.projections[j];
            match sent.message(call, projection, slot, t) {
                Some(Message::Spikes(list)) => Some((projection, list)),
                _ => None,
            }
        })
    }

    /// Before anything arrives: the biases instead of what did in the last step, in the samples of the block.
    fn take_back(&self, cells: &mut Cells<R>, block: u8) {
        let (p, port, left) = (self.plan(), self.port, cells.left(self.port));
        let bias = self.call.weights.bias(self.call.plan, self.population, port);
        for slot in slots(left.many & block) {
            let place = cells.arrival(p, self.t, port, slot);
            cells.arriving()[place].copy_from_slice(bias);
        }
        for slot in slots(left.few & block) {
            let place = cells.arrival(p, self.t, port, slot);
            let arriving = &mut cells.arriving()[place];
            for (projection, list) in self.lists(slot, self.t - 1) {
                let (bias, out) = (&bias[projection.targets.clone()], &mut arriving[projection.targets.clone()]);
                projection.wiring.restore(list, projection.sources.start, bias, out);
            }
        }
    }

    /// When all has arrived: adds it to the state that it belongs to. Connections that listed spikes came by: `touched`.
    fn deliver(&self, cells: &mut Cells<R>, slot: usize, touched: usize) {
        let few = cells.are_few(touched);
        let (arrived, state) = cells.arrived(self.plan(), self.t, self.port, slot);
        if !few {
            return deliver_all(arrived, state);
        }
        for (projection, list) in self.lists(slot, self.t) {
            let (from, to) = (&mut arrived[projection.targets.clone()], &mut state[projection.targets.clone()]);
            projection.wiring.deliver(list, projection.sources.start, from, to);
        }
    }
}
