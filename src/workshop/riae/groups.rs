//! Dealing patches into groups, and collecting them again.

use burn::prelude::*;

use super::config::{Grouping, RiaeConfig};

/// How a batch is dealt: from tokens in raster order to tokens sorted by group, and back.
pub(super) enum Deal {
    /// Four groups by the parities of row and column: reshaping suffices. Holds the side of the patch grid.
    Lattice(usize),
    /// The same order for all images. `deal` and `collect` hold patch numbers of one image, [patches].
    Order { groups: usize, deal: Tensor<1, Int>, collect: Tensor<1, Int> },
    /// One order per image. `deal` and `collect` hold rows of the whole batch, [batch * patches].
    PerImage { groups: usize, deal: Tensor<1, Int>, collect: Tensor<1, Int> },
}

impl Deal {
    /// Deals images of `grid` x `grid` patches. `permutations` has one order per image if groups are random.
    pub fn new(config: &RiaeConfig, grid: usize, permutations: Option<&[Vec<usize>]>, device: &Device) -> Self {
        let groups = config.groups;
        let indices = |order: Vec<i64>| Tensor::from_data(TensorData::new(order.clone(), [order.len()]), device);
        match (config.grouping, permutations) {
            (Grouping::Random, Some(permutations)) => {
                let patches = grid * grid;
                let rows = |orders: &mut dyn Iterator<Item = Vec<usize>>| {
                    let of_batch = orders.enumerate().flat_map(|(image, order)| {
                        order.into_iter().map(move |patch| (image * patches + patch) as i64)
                    });
                    indices(of_batch.collect())
                };
                Self::PerImage {
                    groups,
                    deal: rows(&mut permutations.iter().cloned()),
                    collect: rows(&mut permutations.iter().map(|order| inverse(order))),
                }
            }
            _ if groups == 4 => Self::Lattice(grid),
            _ => {
                let order = fixed_order(groups, grid);
                let numbers = |order: &[usize]| indices(order.iter().map(|patch| *patch as i64).collect());
                Self::Order { groups, deal: numbers(&order), collect: numbers(&inverse(&order)) }
            }
        }
    }

    /// Sorts tokens by group.
    ///
    /// # Shapes
    /// tokens [batch, patches, width] -> [batch, groups, patches / groups, width]
    pub fn deal(&self, tokens: Tensor<3>) -> Tensor<4> {
        let [batch, patches, width] = tokens.dims();
        match self {
            Self::Lattice(grid) => tokens
                .reshape([batch, grid / 2, 2, grid / 2, 2, width])
                .permute([0, 2, 4, 1, 3, 5])
                .reshape([batch, 4, patches / 4, width]),
            Self::Order { groups, deal, .. } => {
                tokens.select(1, deal.clone()).reshape([batch, *groups, patches / groups, width])
            }
            Self::PerImage { groups, deal, .. } => tokens
                .reshape([batch * patches, width])
                .select(0, deal.clone())
                .reshape([batch, *groups, patches / groups, width]),
        }
    }

    /// Sorts positions by group, one set per image if images are dealt differently.
    ///
    /// # Shapes
    /// positions [1 or batch, patches, width] -> [1 or batch, groups, patches / groups, width]
    pub fn deal_positions(&self, positions: Tensor<3>) -> Tensor<4> {
        let [count, patches, width] = positions.dims();
        match self {
            Self::PerImage { deal, .. } if count == 1 => {
                let batch = deal.dims()[0] / patches;
                self.deal(positions.expand([batch, patches, width]))
            }
            _ => self.deal(positions),
        }
    }

    /// Sorts tokens back into raster order: undoes [`Deal::deal`].
    ///
    /// # Shapes
    /// tokens [batch, groups, patches / groups, width] -> [batch, patches, width]
    pub fn collect(&self, tokens: Tensor<4>) -> Tensor<3> {
        let [batch, groups, len, width] = tokens.dims();
        let patches = groups * len;
        match self {
            Self::Lattice(grid) => tokens
                .reshape([batch, 2, 2, grid / 2, grid / 2, width])
                .permute([0, 3, 1, 4, 2, 5])
                .reshape([batch, patches, width]),
            Self::Order { collect, .. } => tokens.reshape([batch, patches, width]).select(1, collect.clone()),
            Self::PerImage { collect, .. } => {
                tokens.reshape([batch * patches, width]).select(0, collect.clone()).reshape([batch, patches, width])
            }
        }
    }
}

/// The fixed pattern of 2, 3 or 4 groups: the patches of a `grid` x `grid` image, numbered in raster order, sorted by
/// group.
///
/// Two groups form a checkerboard, three form diagonal stripes, four follow the parities of row and column.
pub fn fixed_order(groups: usize, grid: usize) -> Vec<usize> {
    let group_of = |patch: &usize| {
        let (row, column) = (patch / grid, patch % grid);
        match groups {
            2 => (row + column) % 2,
            3 => (column + 2 * row) % 3,
            _ => 2 * (row % 2) + column % 2,
        }
    };
    let mut order: Vec<usize> = (0..grid * grid).collect();
    order.sort_by_key(group_of);
    order
}

/// The permutation that undoes `order`, a permutation of `0..order.len()`.
pub(super) fn inverse(order: &[usize]) -> Vec<usize> {
    let mut inverse = vec![0; order.len()];
    for (place, patch) in order.iter().enumerate() {
        inverse[*patch] = place;
    }
    inverse
}

/// For every group in turn, the numbers of all other groups, ascending: `groups * (groups - 1)` numbers.
pub fn others(groups: usize) -> Vec<usize> {
    (0..groups).flat_map(|own| (0..groups).filter(move |other| *other != own)).collect()
}
