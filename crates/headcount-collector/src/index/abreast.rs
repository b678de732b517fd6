//! Works on the pieces of one question on two cores; the answer is the same as from one.

use std::panic;
use std::thread;

use crate::error::Error;

/// What `work` gives for each item, in their order, or the first error. From `least` items on a second
/// thread takes half of them: to start one costs as much as some small items.
pub(super) fn each<T: Sync, R: Send>(
    items: &[T],
    least: usize,
    work: impl Fn(&T) -> Result<R, Error> + Sync,
) -> Result<Vec<R>, Error> {
    if items.len() < least.max(2) {
        return items.iter().map(work).collect();
    }
    let (first, second) = items.split_at(items.len() / 2);
    let all = |items: &[T]| -> Result<Vec<R>, Error> { items.iter().map(&work).collect() };
    thread::scope(|scope| {
        let beside = scope.spawn(|| all(second));
        let found = all(first);
        let rest = beside
            .join()
            .unwrap_or_else(|panic| panic::resume_unwind(panic));
        let mut found = found?;
        found.extend(rest?);
        Ok(found)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_kept_and_the_first_error_told() {
        for length in [0, 1, 2, 7, 100] {
            let items: Vec<usize> = (0..length).collect();
            let doubled = each(&items, 4, |&item| Ok(2 * item)).unwrap();
            let expected: Vec<usize> = items.iter().map(|item| 2 * item).collect();
            assert_eq!(doubled, expected);
            let failing = each(&items, 4, |&item| match item {
                30.. => Err(Error::Unanswerable(item.to_string())),
                _ => Ok(item),
            });
            assert_eq!(failing.is_err(), length > 30);
            if let Err(error) = failing {
                assert!(error.to_string().contains("30"), "{error}");
            }
        }
    }
}
