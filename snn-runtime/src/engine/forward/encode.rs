//! From numbers to spikes, at the beginning of a run.

use super::Wrong;
use crate::Real;
use crate::engine::BLOCK;
use crate::engine::batch::InputData;
use crate::engine::call::Call;
use crate::engine::workspace::Scratch;

/// The spikes, or the numbers, that the inputs send in sample `slot` of the block.
pub(super) fn encode<R: Real>(
    call: &Call<'_, '_, R>,
    scratch: &mut Scratch<R>,
    slot: usize,
    wrong: &mut Option<Wrong>,
) {
    let (simulation, index) = (call.plan.simulation, scratch.sent.first + slot);
    for (input, (data, trains)) in call.batch.inputs.iter().zip(&mut scratch.sent.inputs).enumerate() {
        if let InputData::Values(values) = data {
            let (_, times, channels) = values.dim();
            let length = times * channels;
            let buffer = &mut scratch.sent.values[input];
            buffer.resize(BLOCK * length, R::ZERO);
            values.copy(index, &mut buffer[slot * length..][..length]);
            // No spikes.
            trains[slot].fill_from_events(simulation.steps, &[]);
            continue;
        }
        let InputData::Encoded { values, encoder, seed, samples } = data else { continue };
        let row = values.row(index);
        let row = match row.as_slice() {
            Some(row) => row,
            None => {
                scratch.row.clear();
                scratch.row.extend(row.iter());
                &scratch.row
            }
        };
        let train = &mut trains[slot];
        train.clear();
        encoder.encode(row, simulation.steps, simulation.dt, *seed, samples[index], train);
        // Encoders may come from outside: what they give is not trusted.
        let size = call.plan.inputs[input].size;
        if let Some(fault) = train.fault(simulation.steps, size) {
            wrong.get_or_insert(Wrong { input, sample: index, fault });
            // The rest of the run goes on in silence, and ends with the error.
            train.fill_from_events(simulation.steps, &[]);
        }
    }
}
