//! What is computed once, at load: constant sub-expressions, and batch normalisations after convolutions.

use super::error::{Error, Reason};
use super::network::{Network, Node};
use super::op::convolution::Conv;
use super::op::normalization::BatchNormalization;
use super::value::Floats;

impl Network {
    /// Computes every node that depends on stored tensors alone.
    pub(super) fn fold_constants(&mut self) -> Result<(), Error> {
        let nodes = std::mem::take(&mut self.nodes);
        for node in nodes {
            let known = |slot: &Option<usize>| slot.is_none_or(|slot| self.constants[slot].is_some());
            if node.inputs.iter().all(known) {
                let values =
                    node.inputs.iter().map(|slot| slot.and_then(|slot| self.constants[slot].clone())).collect();
                let results = self.compute(&node, values)?;
                for (&slot, result) in node.outputs.iter().zip(results) {
                    self.constants[slot] = Some(result);
                }
            } else {
                self.nodes.push(node);
            }
        }
        Ok(())
    }

    /// Merges each batch normalisation into the convolution before it, unless something else reads between them.
    pub(super) fn fold_batch_normalizations(&mut self) -> Result<(), Error> {
        let mut nodes: Vec<Node> = std::mem::take(&mut self.nodes);
        let mut index = 0;
        while index < nodes.len() {
            match self.convolution_before(&nodes, index) {
                Some(convolution) => {
                    let normalization = nodes.remove(index);
                    let merged = self.merge(&nodes[convolution], &normalization);
                    nodes[convolution] = merged.map_err(|reason| self.node_error(&normalization, reason))?;
                }
                None => index += 1,
            }
        }
        self.nodes = nodes;
        Ok(())
    }

    /// The place of the convolution that only feeds the batch normalisation at `index`, if all weights are constant.
    fn convolution_before(&self, nodes: &[Node], index: usize) -> Option<usize> {
        let normalization = &nodes[index];
        let constant = |slot: &Option<usize>| slot.is_none_or(|slot| self.constants[slot].is_some());
        if !normalization.operator.is::<BatchNormalization>() || !normalization.inputs.iter().skip(1).all(constant) {
            return None;
        }
        let between = (*normalization.inputs.first()?)?;
        let place = nodes[..index].iter().position(|node| node.outputs.first() == Some(&between))?;
        let readers =
            nodes.iter().flat_map(|node| node.inputs.iter().flatten()).filter(|&&slot| slot == between).count();
        let before = &nodes[place];
        let mergeable = before.operator.is::<Conv>() && before.inputs.iter().skip(1).all(constant);
        (mergeable && readers == 1 && !self.outputs.contains(&between)).then_some(place)
    }

    /// The convolution with the normalisation's scale and shift in its weight and bias.
    fn merge(&mut self, convolution: &Node, normalization: &Node) -> Result<Node, Reason> {
        let constant = |node: &Node, input: usize| -> Result<Option<Floats>, Reason> {
            let slot = node.inputs.get(input).copied().flatten();
            let value = slot.and_then(|slot| self.constants[slot].clone());
            value.map(|value| value.into_floats(&self.device)).transpose()
        };
        let needed = |node: &Node, input: usize| {
            constant(node, input)?.ok_or_else(|| Reason::from(format!("input {input} is missing")))
        };
        let operator = normalization.operator.downcast::<BatchNormalization>().ok_or("not a batch normalisation")?;
        let parameters = [
            needed(normalization, 1)?,
            needed(normalization, 2)?,
            needed(normalization, 3)?,
            needed(normalization, 4)?,
        ];
        let (scale, shift) = operator.scale_and_shift(parameters)?;
        let weight = needed(convolution, 1)?.into_rank4()?;
        let outputs = weight.dims()[0];
        if scale.dims() != [outputs] {
            return Err(format!("{} scales for {outputs} channels", scale.dims()[0]).into());
        }
        let bias = match constant(convolution, 2)? {
            Some(bias) => bias.into_rank1()? * scale.clone() + shift,
            None => shift,
        };
        let weight = weight * scale.reshape([outputs, 1, 1, 1]);
        let weight = self.new_slot("", Some(weight.into()));
        let bias = self.new_slot("", Some(bias.into()));
        Ok(Node {
            name: convolution.name.clone(),
            op_type: convolution.op_type.clone(),
            operator: convolution.operator.clone(),
            inputs: vec![convolution.inputs.first().copied().flatten(), Some(weight), Some(bias)],
            outputs: normalization.outputs.clone(),
        })
    }
}
