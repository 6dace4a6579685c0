//! Which images a service has run.

use std::collections::BTreeSet;

/// Images that are remembered for each service.
const KEPT: usize = 64;

/// The ids of images that all of a service's containers were of, and the one that they were of last.
#[derive(Debug, Default)]
pub(super) struct Ran {
    images: BTreeSet<String>,
    alone: Option<String>,
}

impl Ran {
    /// These run now.
    pub(super) fn note(&mut self, images: &BTreeSet<String>) {
        // Side by side with another an image is only on its way in or out.
        if let (Some(image), 1) = (images.first(), images.len()) {
            self.images.insert(image.clone());
            self.alone = Some(image.clone());
        }
        while self.images.len() > KEPT {
            self.images.pop_first();
        }
    }

    /// Whether it is a way back that these run now: one image, which ran before the one that ran last.
    pub(super) fn goes_back(&self, images: &BTreeSet<String>) -> bool {
        let (Some(image), 1) = (images.first(), images.len()) else {
            return false;
        };
        self.images.contains(image) && self.alone.as_ref().is_some_and(|alone| alone != image)
    }
}
