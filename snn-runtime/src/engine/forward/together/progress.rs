//! Which steps of which parts are taken, and where threads wait for each other.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// A thread looks so many times whether a step is complete before it takes what nobody has begun. Each takes some 20 to 50 ns.
const PATIENCE: usize = 200;

/// And so many times before it lets others run in between.
const SPINS: usize = 2000;

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
    /// A thread has left in the middle of a step.
    broken: Alone<AtomicBool>,
}

impl Progress {
    /// The beginning of a run of so many steps.
    pub(super) fn new(parts: usize, steps: usize) -> Self {
        let zeros = || (0..parts).map(|_| Alone::default()).collect();
        Self { steps, claimed: zeros(), taken: zeros(), broken: Alone::default() }
    }

    /// Takes all steps of part `own` that no other thread takes, by `step(part, t)`. A step begins when that before it is complete.
    ///
    /// A thread that gets no processor would let all others wait in each step. So a part that nobody has begun for a while is
    /// taken over, until its own thread is there again.
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
        for t in 0..self.steps {
            take(own, t);
            others.retain(|&part| take(part, t));
            let mut looks = 0;
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
                    std::thread::yield_now();
                }
            }
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
