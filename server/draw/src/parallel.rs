//! Two or more cores for the large steps. Results never depend on how many there are.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, |c| c.get().min(16))
}

/// `0..n` cut into as many nearly equal ranges as there are cores; one where that is not worth a thread.
pub(crate) fn halves(n: usize) -> Vec<Range<usize>> {
    let parts = if n < 20_000 { 1 } else { cores() };
    (0..parts)
        .map(|p| n * p / parts..n * (p + 1) / parts)
        .collect()
}

/// `f` of each, in order, each on a thread of its own.
pub(crate) fn each<T: Send, R: Send>(of: Vec<T>, f: impl Fn(T) -> R + Sync) -> Vec<R> {
    if of.len() < 2 {
        return of.into_iter().map(f).collect();
    }
    std::thread::scope(|scope| {
        let f = &f;
        let running: Vec<_> = of
            .into_iter()
            .map(|one| scope.spawn(move || f(one)))
            .collect();
        running
            .into_iter()
            .map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
            .collect()
    })
}

/// The same of borrowed things.
pub(crate) fn map<T: Sync, R: Send>(of: &[T], f: impl Fn(&T) -> R + Sync) -> Vec<R> {
    each(of.iter().collect(), f)
}

/// `f` of each, in order, where they are many and differ in work: whichever core is free takes the next.
pub(crate) fn spread<T: Sync, R: Send>(of: &[T], f: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let take = |_| {
        let mut done = Vec::new();
        loop {
            let n = next.fetch_add(1, Ordering::Relaxed);
            match of.get(n) {
                Some(one) => done.push((n, f(one))),
                None => return done,
            }
        }
    };
    let mut all = each((0..cores().min(of.len())).collect(), take)
        .into_iter()
        .flatten()
        .collect::<Vec<_>>();
    all.sort_unstable_by_key(|(n, _)| *n);
    all.into_iter().map(|(_, r)| r).collect()
}

/// Two things at once.
pub(crate) fn both<A: Send, B>(a: impl FnOnce() -> A + Send, b: impl FnOnce() -> B) -> (A, B) {
    std::thread::scope(|scope| {
        let a = scope.spawn(a);
        let b = b();
        (
            a.join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            b,
        )
    })
}
