//! Images with their labels.

use super::{IdxError, Images, read_images, read_labels};
use std::path::{Path, PathBuf};

/// The part of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// What a network learns from: files `train-…`.
    Train,
    /// What it is tested with: files `t10k-…`.
    Test,
}

impl Part {
    fn stems(self) -> [&'static str; 2] {
        match self {
            Self::Train => ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"],
            Self::Test => ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"],
        }
    }
}

/// Images and as many labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelledImages {
    images: Images,
    labels: Vec<u8>,
}

impl LabelledImages {
    /// Puts images and labels together.
    ///
    /// # Errors
    /// If the counts differ, or the sizes of the images are not those of their pixels.
    pub fn new(images: Images, labels: Vec<u8>) -> Result<Self, IdxError> {
        images.check()?;
        if images.count != labels.len() {
            return Err(IdxError::Counts { images: images.count, labels: labels.len() });
        }
        Ok(Self { images, labels })
    }

    /// Reads a part of a set whose files have the names of MNIST, `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`,
    /// `t10k-images-idx3-ubyte` and `t10k-labels-idx1-ubyte`, with or without `.gz`. If both are there, the name without
    /// `.gz` is taken.
    ///
    /// # Errors
    /// If a file is missing or damaged, or the counts differ.
    pub fn load(folder: impl AsRef<Path>, part: Part) -> Result<Self, IdxError> {
        let folder = folder.as_ref();
        let [images, labels] = part.stems();
        // Both are looked for before the large one is read.
        let (images, labels) = (find(folder, images)?, find(folder, labels)?);
        Self::new(read_images(images)?, read_labels(labels)?)
    }

    /// The images.
    pub fn images(&self) -> &Images {
        &self.images
    }

    /// The labels.
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// The number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Writes the pixels of image `i` to `out` (`[rows * columns]`, row-major), scaled from 0..=255 to 0..=1.
    ///
    /// # Errors
    /// If `i` is not below [`Self::len`] or `out` does not have one place for each pixel; `out` is as it was then.
    pub fn scaled(&self, i: usize, out: &mut [f32]) -> Result<(), IdxError> {
        // Not zero: images without pixels are refused.
        let size = self.images.rows * self.images.columns;
        let image = self.images.pixels.chunks_exact(size).nth(i).ok_or_else(|| self.no_image(i))?;
        if out.len() != size {
            return Err(IdxError::Places { expected: size, found: out.len() });
        }
        out.iter_mut().zip(image).for_each(|(out, &pixel)| *out = f32::from(pixel) / 255.0);
        Ok(())
    }

    /// The label of image `i`.
    ///
    /// # Errors
    /// If `i` is not below [`Self::len`].
    pub fn label(&self, i: usize) -> Result<u32, IdxError> {
        self.labels.get(i).map(|&label| u32::from(label)).ok_or_else(|| self.no_image(i))
    }

    fn no_image(&self, found: usize) -> IdxError {
        IdxError::Image { images: self.len(), found }
    }
}

fn find(folder: &Path, stem: &'static str) -> Result<PathBuf, IdxError> {
    let candidates = [folder.join(stem), folder.join(format!("{stem}.gz"))];
    candidates.into_iter().find(|p| p.is_file()).ok_or_else(|| IdxError::Missing { folder: folder.into(), stem })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{write_images, write_labels};

    fn images(count: usize) -> Images {
        Images { count, rows: 1, columns: 2, pixels: (0..2 * count).map(|i| [0, 51, 255, 102][i % 4]).collect() }
    }

    #[test]
    fn both_parts_are_loaded_with_and_without_the_ending() {
        let dir = tempfile::tempdir().unwrap();
        write_images(dir.path().join("train-images-idx3-ubyte.gz"), &images(3)).unwrap();
        write_labels(dir.path().join("train-labels-idx1-ubyte"), &[4, 5, 6]).unwrap();
        write_images(dir.path().join("t10k-images-idx3-ubyte"), &images(2)).unwrap();
        write_labels(dir.path().join("t10k-labels-idx1-ubyte.gz"), &[8, 9]).unwrap();
        let train = LabelledImages::load(dir.path(), Part::Train).unwrap();
        assert_eq!((train.len(), train.labels(), train.images()), (3, &[4, 5, 6][..], &images(3)));
        let test = LabelledImages::load(dir.path(), Part::Test).unwrap();
        assert_eq!((test.len(), test.label(0).unwrap(), test.label(1).unwrap()), (2, 8, 9));
        let mut row = [7.0; 2];
        test.scaled(0, &mut row).unwrap();
        assert_eq!(row, [0.0, 0.2]);
        test.scaled(1, &mut row).unwrap();
        assert_eq!(row, [1.0, 0.4]);
    }

    #[test]
    fn a_missing_file_is_named_with_both_endings() {
        let dir = tempfile::tempdir().unwrap();
        write_images(dir.path().join("t10k-images-idx3-ubyte"), &images(2)).unwrap();
        let error = LabelledImages::load(dir.path(), Part::Test).unwrap_err();
        assert!(matches!(error, IdxError::Missing { stem: "t10k-labels-idx1-ubyte", .. }));
        let message = error.to_string();
        let names = "expected a file `t10k-labels-idx1-ubyte` or `t10k-labels-idx1-ubyte.gz`, found neither";
        assert!(message.contains(names), "{message}");
    }

    #[test]
    fn counts_must_agree() {
        let error = LabelledImages::new(images(2), vec![1, 2, 3]).unwrap_err();
        assert!(matches!(error, IdxError::Counts { images: 2, labels: 3 }));
        assert!(LabelledImages::new(Images { count: 3, ..images(2) }, vec![1, 2, 3]).is_err());
    }

    #[test]
    fn an_image_that_is_not_there_and_a_row_of_another_size_are_errors() {
        let set = LabelledImages::new(images(2), vec![1, 2]).unwrap();
        let mut row = [7.0; 2];
        for i in [2, usize::MAX] {
            assert!(matches!(set.label(i), Err(IdxError::Image { images: 2, found }) if found == i));
            assert!(matches!(set.scaled(i, &mut row), Err(IdxError::Image { images: 2, found }) if found == i));
        }
        let error = set.scaled(0, &mut [0.0; 3]).unwrap_err();
        assert!(error.to_string().contains("expected 2 places for the pixels of an image, found 3"), "{error}");
        assert!(set.scaled(1, &mut []).is_err());
        assert_eq!(row, [7.0; 2]);
    }

    #[test]
    fn a_set_may_be_empty() {
        let set = LabelledImages::new(images(0), vec![]).unwrap();
        let error = set.label(0).unwrap_err();
        assert_eq!(error.to_string(), "expected an image below 0, found 0; use indices below `len()`");
    }
}
