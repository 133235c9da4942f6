//! Neuron models written a second time, from the equations of the papers, and a solver that shares nothing with the compiler:
//! Runge-Kutta steps of fixed length, events found by bisection.

pub mod channels;
pub mod integrate_and_fire;
pub mod library;
pub mod nonlinear;

/// What a neuron is given. Times are in ms and lie on the grid of all steps that are used.
#[derive(Clone, Debug, Default)]
pub struct Stimulus {
    /// How long it lasts.
    pub duration: f64,
    /// For each drive, from when on it has which value; 0 before.
    pub drives: Vec<Vec<(f64, f64)>>,
    /// When a spike arrives, at which port, of what weight.
    pub events: Vec<(f64, usize, f64)>,
}

impl Stimulus {
    /// A constant first drive from a time on.
    pub fn step(duration: f64, from: f64, value: f64) -> Self {
        Self { duration, drives: vec![vec![(from, value)]], events: Vec::new() }
    }

    /// With spikes of one port.
    pub fn with_events(mut self, port: usize, events: &[(f64, f64)]) -> Self {
        self.events.extend(events.iter().map(|&(t, weight)| (t, port, weight)));
        self
    }

    /// The drives during the step that begins at `t`; `half` is half of a step.
    pub fn drives_at(&self, t: f64, half: f64) -> Vec<f64> {
        let value = |course: &Vec<(f64, f64)>| {
            course.iter().rev().find(|(from, _)| *from <= t + half).map_or(0.0, |(_, value)| *value)
        };
        self.drives.iter().map(value).collect()
    }

    /// The events at the beginning of the step from `t`.
    pub fn events_at(&self, t: f64, half: f64) -> impl Iterator<Item = (usize, f64)> + '_ {
        self.events.iter().filter(move |(at, ..)| (at - t).abs() < half).map(|&(_, port, weight)| (port, weight))
    }
}

type Flow<const N: usize> = Box<dyn Fn(&[f64; N], &[f64], bool) -> [f64; N]>;
type Distance<const N: usize> = Box<dyn Fn(&[f64; N]) -> f64>;
type Change<const N: usize> = Box<dyn Fn(&mut [f64; N])>;
type Event<const N: usize> = Box<dyn Fn(&mut [f64; N], usize, f64, bool)>;

/// A model of N states: time in ms.
pub struct Model<const N: usize> {
    /// The states at the start.
    pub start: [f64; N],
    /// The derivatives of the states, from states, drives and whether the neuron is refractory.
    pub flow: Flow<N>,
    /// What an event does, at a port, of a weight; the last argument is whether the neuron is refractory.
    pub event: Event<N>,
    /// Not below 0 where it fires.
    pub distance: Distance<N>,
    /// What a spike does.
    pub reset: Change<N>,
    /// What happens at the beginning of a step of the grid, before events.
    pub begin: Change<N>,
    /// How long the neuron is refractory.
    pub refractory: f64,
    /// A spike is an upward crossing only.
    pub crossing: bool,
}

impl<const N: usize> Model<N> {
    /// A model without spikes, on which events have no effect.
    pub fn new(start: [f64; N], flow: impl Fn(&[f64; N], &[f64], bool) -> [f64; N] + 'static) -> Self {
        Self {
            start,
            flow: Box::new(flow),
            event: Box::new(|_, _, _, _| {}),
            distance: Box::new(|_| -1.0),
            reset: Box::new(|_| {}),
            begin: Box::new(|_| {}),
            refractory: 0.0,
            crossing: false,
        }
    }

    /// With events.
    pub fn event(mut self, event: impl Fn(&mut [f64; N], usize, f64, bool) + 'static) -> Self {
        self.event = Box::new(event);
        self
    }

    /// With spikes and a reset.
    pub fn spike(
        mut self,
        distance: impl Fn(&[f64; N]) -> f64 + 'static,
        reset: impl Fn(&mut [f64; N]) + 'static,
    ) -> Self {
        (self.distance, self.reset) = (Box::new(distance), Box::new(reset));
        self
    }

    /// A spike is an upward crossing.
    pub fn crossing(mut self, distance: impl Fn(&[f64; N]) -> f64 + 'static) -> Self {
        (self.distance, self.crossing) = (Box::new(distance), true);
        self
    }

    fn runge_kutta(&self, y: &[f64; N], drives: &[f64], refractory: bool, h: f64) -> [f64; N] {
        let at = |k: &[f64; N], h: f64| std::array::from_fn(|i| y[i] + h * k[i]);
        let k1 = (self.flow)(y, drives, refractory);
        let k2 = (self.flow)(&at(&k1, h / 2.0), drives, refractory);
        let k3 = (self.flow)(&at(&k2, h / 2.0), drives, refractory);
        let k4 = (self.flow)(&at(&k3, h), drives, refractory);
        std::array::from_fn(|i| y[i] + h / 6.0 * (k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i]))
    }
}

/// Where spikes are looked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Detection {
    /// Anywhere.
    Anywhere,
    /// At the multiples of this time, as a simulation in steps does.
    Grid(f64),
}

/// What a model does.
#[derive(Clone, Debug, Default)]
pub struct Solution<const N: usize> {
    /// The times of the spikes.
    pub spikes: Vec<f64>,
    /// The states at the multiples of the sampling interval, from the first on.
    pub samples: Vec<[f64; N]>,
}

/// Solves a model in steps of `h`, which divides all times; the states are kept every `every` ms.
pub fn solve<const N: usize>(
    model: &Model<N>,
    stimulus: &Stimulus,
    detection: Detection,
    h: f64,
    every: f64,
) -> Solution<N> {
    let mut solution = Solution::default();
    let mut y = model.start;
    let mut free_from = 0.0;
    let count = |time: f64| (time / h).round() as usize;
    let grid = match detection {
        Detection::Anywhere => 1,
        Detection::Grid(dt) => count(dt),
    };
    for k in 0..count(stimulus.duration) {
        let t = k as f64 * h;
        let refractory_at = |t: f64, free_from: f64| t < free_from - h * 1e-6;
        if k % grid == 0 {
            (model.begin)(&mut y);
        }
        let below = (model.distance)(&y) < 0.0;
        for (port, weight) in stimulus.events_at(t, h / 2.0) {
            (model.event)(&mut y, port, weight, refractory_at(t, free_from));
        }
        if model.crossing && below && (model.distance)(&y) >= 0.0 {
            solution.spikes.push(t);
        }
        let drives = stimulus.drives_at(t, h / 2.0);
        let end = (k + 1) as f64 * h;
        if detection == Detection::Anywhere {
            let mut now = t;
            while now < end - h * 1e-9 {
                let refractory = refractory_at(now, free_from);
                let to = if refractory { end.min(free_from) } else { end };
                let next = model.runge_kutta(&y, &drives, refractory, to - now);
                let fires = |y: &[f64; N]| (model.distance)(y) >= 0.0;
                if refractory || !fires(&next) || (model.crossing && fires(&y)) {
                    (y, now) = (next, to);
                    continue;
                }
                let (mut low, mut high) = (0.0, to - now);
                while high - low > 1e-12 {
                    let middle = 0.5 * (low + high);
                    match fires(&model.runge_kutta(&y, &drives, false, middle)) {
                        true => high = middle,
                        false => low = middle,
                    }
                }
                y = model.runge_kutta(&y, &drives, false, high);
                now += high;
                solution.spikes.push(now);
                if model.crossing {
                    continue;
                }
                (model.reset)(&mut y);
                free_from = now + model.refractory;
            }
        } else {
            let refractory = refractory_at(t, free_from);
            y = model.runge_kutta(&y, &drives, refractory, h);
            if (k + 1) % grid == 0 && !refractory && (model.distance)(&y) >= 0.0 {
                (model.reset)(&mut y);
                solution.spikes.push(end);
                free_from = end + model.refractory;
            }
        }
        if (k + 1) % count(every) == 0 {
            solution.samples.push(y);
        }
    }
    solution
}
