//! Work on a list of items, in parallel, whose results are joined pairwise in a fixed tree.

/// Runs every item (`run` knows its place in the list), and joins the results of neighbours, those of neighbours' neighbours, and so
/// on, until the first item has what all of them gave.
///
/// Who is joined with whom depends on the number of items alone. A pair is joined as soon as both are done: on one thread the
/// memory of a few results is enough for any number of items, and it is still in the cache.
pub(crate) fn in_tree<T: Send>(
    items: &mut [T],
    run: &(impl Fn(usize, &mut T) + Sync),
    join: &(impl Fn(&mut T, &mut T) + Sync),
) {
    part(items, 0, run, join);
}

/// The same for items from place `first` on.
fn part<T: Send>(
    items: &mut [T],
    first: usize,
    run: &(impl Fn(usize, &mut T) + Sync),
    join: &(impl Fn(&mut T, &mut T) + Sync),
) {
    let half = items.len().next_power_of_two() / 2;
    match items {
        [] => {}
        [item] => run(first, item),
        _ => {
            let (left, right) = items.split_at_mut(half);
            rayon::join(|| part(left, first, run, join), || part(right, first + half, run, join));
            if let (Some(left), Some(right)) = (left.first_mut(), right.first_mut()) {
                join(left, right);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_depends_on_the_number_of_items_alone() {
        let trees = ["", "0", "(0 1)", "((0 1) 2)", "((0 1) (2 3))", "(((0 1) (2 3)) 4)", "(((0 1) (2 3)) ((4 5) 6))"];
        for (count, tree) in [0, 1, 2, 3, 4, 5, 7].into_iter().zip(trees) {
            for threads in [1, 3] {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                let mut items = vec![String::new(); count];
                pool.install(|| {
                    in_tree(&mut items, &|place, item| *item = place.to_string(), &|left, right| {
                        *left = format!("({left} {right})");
                    });
                });
                assert_eq!(items.first().map_or("", String::as_str), tree);
            }
        }
    }
}
