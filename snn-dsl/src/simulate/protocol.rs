//! What is done to neurons: their number, parameters and starting values, what arrives at their ports, and what is
//! recorded.

use crate::model::Value;

/// A simulation of neurons of one model. Numbers are in base units: ms, mV, nA, MOhm, nF, uS.
#[derive(Clone, Debug, PartialEq)]
pub struct Protocol {
    /// The time step in ms.
    pub dt: f64,
    /// The length in ms: a whole number of steps.
    pub duration: f64,
    /// The number of neurons.
    pub n: usize,
    /// Where random numbers begin.
    pub seed: u64,
    /// Values of parameters; the others have those of the model.
    pub set: Vec<(String, Value)>,
    /// Starting values of states; the others have those of the model.
    pub init: Vec<(String, f64)>,
    /// What arrives at event ports and drives. Several inputs of a port add up.
    pub inputs: Vec<(String, Input)>,
    /// The states to record; all of them if `None`.
    pub record: Option<Vec<String>>,
    /// So many neurons are recorded, from the first; spikes are recorded of all.
    pub recorded_neurons: usize,
}

impl Default for Protocol {
    /// One neuron of 100 ms in steps of 0.1 ms, without input, recorded completely.
    fn default() -> Self {
        Self {
            dt: 0.1,
            duration: 100.0,
            n: 1,
            seed: 0,
            set: Vec::new(),
            init: Vec::new(),
            inputs: Vec::new(),
            record: None,
            recorded_neurons: usize::MAX,
        }
    }
}

/// What arrives at a port.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// Values one after the other, from t = 0. A step has the value that holds at its beginning; an event port gets it
    /// in every step. After the last piece that has a duration the input is 0.
    Pieces(Vec<Piece>),
    /// (t, value), t in ms and rising. A drive keeps a value until the next one and the last one to the end; before the
    /// first it is 0. At an event port each of them arrives once, in the step that contains t, in any order.
    Series(Vec<(f64, f64)>),
    /// For each neuron an independent Poisson process: the number of its spikes in a step is a Poisson number with the mean
    /// rate dt. Event ports only.
    Poisson {
        /// The rate in 1/ms.
        rate: f64,
        /// What a spike brings.
        weight: f64,
    },
    /// Spikes at given times. Event ports only.
    Spikes {
        /// The times in ms: a spike arrives in the step that contains it, t in [k dt, (k+1) dt).
        times: Vec<f64>,
        /// What each brings.
        weight: f64,
    },
}

/// A value that an input has for some time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Piece {
    /// In the base unit of the port.
    pub value: f64,
    /// How long, in ms; `None`: to the end, of the last piece only.
    pub duration: Option<f64>,
}

impl Input {
    /// The same value all the time.
    pub fn constant(value: f64) -> Self {
        Input::Pieces(vec![Piece { value, duration: None }])
    }
}
