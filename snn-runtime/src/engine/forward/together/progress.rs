//! Which steps of which parts are taken, and where threads wait for each other.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// A thread looks so many times whether a step is complete before it takes what nobody has begun. Each takes some 20 to 50 ns.
const PATIENCE: usize = 200;

/// And so many times before it lets others run in between.
const SPINS: usize = 2000;

/// The first thread looks after so long whether threads wait for each other, and tries for so long to go on alone.
const TRIAL: Duration = Duration::from_millis(20);

/// What was better is kept for so long.
const KEPT: Duration = Duration::from_millis(400);

/// What lies alone in its cache lines.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Alone<T>(T);

/// How far a run is. A step of a part is taken once, by whoever claims it first.
#[derive(Debug)]
pub(super) struct Progress {
    steps: usize,
    /// Of each part how many steps are claimed.
    claimed: Vec<Alone<AtomicUsize>>,
    /// And how many are taken. With one count for all, threads would also wait for each other to count.
    taken: Vec<Alone<AtomicUsize>>,
    /// The first thread goes on alone.
    alone: Alone<AtomicBool>,
    /// The microseconds that threads have waited for each other for longer than usual.
    waited: Alone<AtomicUsize>,
    /// A thread has left in the middle of a step.
    broken: Alone<AtomicBool>,
}

impl Progress {
    /// The beginning of a run of so many steps.
    pub(super) fn new(parts: usize, steps: usize) -> Self {
        let zeros = || (0..parts).map(|_| Alone::default()).collect();
        Self {
            steps,
            claimed: zeros(),
            taken: zeros(),
            alone: Alone::default(),
            waited: Alone::default(),
            broken: Alone::default(),
        }
    }

    /// Takes all steps of part `own` that no other thread takes, by `step(part, t)`. A step begins when that before it is complete.
    ///
    /// A thread that gets no processor would let all others wait in each step. So a part that nobody has begun for a while is
    /// taken over, until its own thread is there again; and if the first thread is faster alone, it goes on so for some time.
    pub(super) fn work(&self, own: usize, mut step: impl FnMut(usize, usize)) {
        let _present = Present(self);
        let mut take = |part: usize, t: usize| {
            let claimed = &self.claimed[part].0;
            // Its lock keeps in order what is done to a part, and the steps taken what it reads of others.
            let first = claimed.load(Ordering::Relaxed) == t
                && claimed.compare_exchange(t, t + 1, Ordering::Relaxed, Ordering::Relaxed).is_ok();
            if first {
                step(part, t);
                self.taken[part].0.store(t + 1, Ordering::Release);
            }
            first
        };
        let mut others: Vec<usize> = Vec::new();
        let mut judge = Judge::new();
        for t in 0..self.steps {
            if own > 0 {
                self.stay_away();
            } else if judge.changes(t, self.waited.0.load(Ordering::Relaxed)) {
                self.alone.0.store(judge.alone, Ordering::Relaxed);
                others = (1..self.claimed.len()).filter(|_| judge.alone).collect();
            }
            take(own, t);
            others.retain(|&part| take(part, t));
            let (mut looks, mut since) = (0, None::<Instant>);
            while !self.is_complete(t) {
                if self.is_broken() {
                    return;
                }
                looks += 1;
                if looks == PATIENCE {
                    let more = (0..self.claimed.len()).filter(|&part| take(part, t));
                    others.extend(more);
                } else if looks < SPINS {
                    std::hint::spin_loop();
                } else {
                    since = since.or_else(|| Some(Instant::now()));
                    thread::yield_now();
                }
            }
            if let Some(since) = since {
                let waited = since.elapsed().as_micros() as usize;
                self.waited.0.fetch_add(waited, Ordering::Relaxed);
            }
        }
    }

    /// Waits as long as the first thread is alone.
    fn stay_away(&self) {
        while self.alone.0.load(Ordering::Relaxed) && !self.is_broken() && !self.is_complete(self.steps - 1) {
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Whether all parts have taken step `t`.
    fn is_complete(&self, t: usize) -> bool {
        self.taken.iter().all(|taken| taken.0.load(Ordering::Acquire) > t)
    }

    fn is_broken(&self) -> bool {
        self.broken.0.load(Ordering::Relaxed)
    }
}

/// How the first thread finds out whether the others are of use: where there are too few processors, a thread that has to give
/// its own away in the middle of a step stops all others.
struct Judge {
    alone: bool,
    /// While it tries to go on alone: the steps in a second with the others.
    together: Option<f64>,
    /// When this began, in which step, and how long threads had waited for each other until then.
    since: Instant,
    first: usize,
    waited: usize,
    /// How long it lasts at least.
    period: Duration,
}

impl Judge {
    fn new() -> Self {
        Self { alone: false, together: None, since: Instant::now(), first: 0, waited: 0, period: TRIAL }
    }

    /// Decides from time to time whether the first thread goes on alone; true if that is something else than before. `waited`: the
    /// microseconds that threads have waited for each other for longer than usual.
    fn changes(&mut self, t: usize, waited: usize) -> bool {
        // The clock is not read in each step.
        if !t.is_multiple_of(16) {
            return false;
        }
        let elapsed = self.since.elapsed();
        if elapsed < self.period {
            return false;
        }
        let rate = (t - self.first) as f64 / elapsed.as_secs_f64();
        let waiting = waited.wrapping_sub(self.waited) as f64 * 1e-6 > 0.2 * elapsed.as_secs_f64();
        let (alone, together, period) = match (self.alone, self.together) {
            (false, _) if waiting => (true, Some(rate), TRIAL),
            // Where it is not clear, the others are not worth their time.
            (true, Some(together)) => (rate > 0.85 * together, None, KEPT),
            _ => (false, None, TRIAL),
        };
        let changes = alone != self.alone;
        *self = Self { alone, together, since: Instant::now(), first: t, waited, period };
        changes
    }
}

/// Held by a thread while it works: if it panics, the others go.
struct Present<'a>(&'a Progress);

impl Drop for Present<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.broken.0.store(true, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    /// Runs `steps` on threads for three parts, of which `threads` are there.
    fn run(threads: std::ops::Range<usize>, steps: usize, step: impl Fn(usize, usize) + Sync) -> bool {
        let progress = Progress::new(3, steps);
        let ended = thread::scope(|scope| {
            let (progress, step) = (&progress, &step);
            let threads: Vec<_> = threads.map(|own| scope.spawn(move || progress.work(own, step))).collect();
            threads.into_iter().map(|thread| thread.join().is_ok()).fold(true, |all, ended| all & ended)
        });
        ended && progress.is_complete(steps - 1)
    }

    #[test]
    fn each_step_is_taken_once_and_after_those_before() {
        for threads in [0..3, 1..2, 1..3] {
            let at: [AtomicUsize; 3] = Default::default();
            let step = |part: usize, t: usize| {
                assert_eq!(at[part].swap(t + 1, Ordering::Relaxed), t);
                assert!(at.iter().all(|at| [t, t + 1].contains(&at.load(Ordering::Relaxed))));
                // As if the processor were taken away.
                if part == 0 && t.is_multiple_of(100) {
                    thread::sleep(std::time::Duration::from_millis(2));
                }
            };
            assert!(run(threads, 1000, step));
        }
    }

    #[test]
    fn a_panic_lets_the_others_go() {
        let step = |part: usize, t: usize| {
            if (part, t) == (1, 20) {
                std::panic::resume_unwind(Box::new(()));
            }
        };
        assert!(!run(0..3, 1000, step));
    }
}
