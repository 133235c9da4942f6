//! The steps of a simulation, and the steps that times belong to.

use super::error::{Error, Place};
use crate::expr::number;

/// Steps of equal length from t = 0: step k goes from k dt to (k+1) dt.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Grid {
    /// The length of a step in ms.
    pub dt: f64,
    /// The number of steps.
    pub steps: usize,
}

/// The same limit as that of networks.
const MOST_STEPS: f64 = 268_435_456.0;

impl Grid {
    /// A whole number of steps that fill a duration.
    ///
    /// # Errors
    /// If a length is not positive or the duration is not a whole number of steps.
    pub fn new(dt: f64, duration: f64) -> Result<Self, Error> {
        let positive = |place: Place, what: &str, value: f64, example: &str| {
            if value > 0.0 && value.is_finite() {
                return Ok(());
            }
            let message = format!("expected {what} of more than 0 ms, found {} ms", number(value));
            Err(Error::new(place, message).help(format!("write a time such as `{example}`")))
        };
        positive(Place::Dt, "a time step", dt, "0.1 ms")?;
        positive(Place::Duration, "a length", duration, "500 ms")?;
        let ratio = duration / dt;
        let steps = ratio.round();
        let (dt_text, found) = (number(dt), number(duration));
        if ratio < 1.0 - 1e-9 {
            let message = format!("expected at least one step of {dt_text} ms, found {found} ms");
            return Err(Error::new(Place::Duration, message).help("simulate longer, or make `--dt` smaller"));
        }
        if steps > MOST_STEPS {
            let message = format!("expected at most {MOST_STEPS} steps, found {}", number(steps));
            let help = "simulate in parts with `--init`, or with a longer `--dt`";
            return Err(Error::new(Place::Duration, message).help(help));
        }
        if (ratio - steps).abs() > 1e-6 {
            let [below, above] = [ratio.floor(), ratio.ceil()].map(|k| number(round(k * dt)));
            let message = format!("expected a whole number of steps of {dt_text} ms, found {found} ms");
            return Err(Error::new(Place::Duration, message).help(format!("write `{below} ms` or `{above} ms`")));
        }
        Ok(Self { dt, steps: steps as usize })
    }

    /// The time at which a step begins, in ms; its end is that of `step + 1`.
    pub fn time(&self, step: usize) -> f64 {
        round(step as f64 * self.dt)
    }

    /// The end of the last step.
    pub fn end(&self) -> f64 {
        self.time(self.steps)
    }

    /// The step k whose [k dt, (k+1) dt) contains a time, if there is one. A time that is a multiple of dt but for
    /// rounding is that multiple.
    pub fn containing(&self, time: f64) -> Option<usize> {
        let step = self.near(time).unwrap_or((time / self.dt).floor());
        (0.0 <= step && step < self.steps as f64).then_some(step as usize)
    }

    /// The first step that begins at a time or after it; the number of steps if there is none.
    pub(super) fn beginning(&self, time: f64) -> usize {
        let step = self.near(time).unwrap_or((time / self.dt).ceil());
        step.clamp(0.0, self.steps as f64) as usize
    }

    /// The whole number of steps that a time is, if it is one but for rounding.
    fn near(&self, time: f64) -> Option<f64> {
        let ratio = time / self.dt;
        let whole = ratio.round();
        ((ratio - whole).abs() <= f64::max(1e-9, 8.0 * f64::EPSILON * whole.abs())).then_some(whole)
    }
}

/// A time to 12 digits: 3 steps of 0.1 ms are 0.3 ms, and not 0.30000000000000004 ms.
fn round(time: f64) -> f64 {
    format!("{time:.11e}").parse().unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::Grid;

    #[test]
    fn times_belong_to_one_step() {
        let grid = Grid::new(0.1, 1.0).unwrap();
        assert_eq!(grid.steps, 10);
        for (time, step) in
            [(0.0, Some(0)), (0.05, Some(0)), (0.1, Some(1)), (0.3, Some(3)), (0.7, Some(7)), (0.999, Some(9))]
        {
            assert_eq!(grid.containing(time), step, "{time}");
        }
        for time in [-0.01, 1.0, 1.01, f64::NAN, f64::INFINITY] {
            assert_eq!(grid.containing(time), None, "{time}");
        }
        assert_eq!([0.0, 0.3, 0.31, 2.0].map(|t| grid.beginning(t)), [0, 3, 4, 10]);
        let every = (0..=10).map(|k| grid.time(k).to_string()).collect::<Vec<_>>().join(" ");
        assert_eq!(every, "0 0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9 1");
    }

    #[test]
    fn long_simulations_keep_their_grid() {
        let grid = Grid::new(0.1, 2e7).unwrap();
        assert_eq!(grid.steps, 200_000_000);
        for k in (0..200_000_000).step_by(999_983) {
            assert_eq!(grid.containing(grid.time(k)), Some(k));
            assert_eq!(grid.beginning(grid.time(k)), k);
        }
    }
}
