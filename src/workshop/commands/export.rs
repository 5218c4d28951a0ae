//! `purecam export`: the best weights of a run as one ONNX file.

use serde_json::json;

use crate::commands::Failure;
use crate::console;
use crate::text;
use crate::workshop::cli::Export;
use crate::workshop::export::{self, Request};

/// Runs the command.
pub fn export(args: &Export, json: bool) -> Result<(), Failure> {
    let report = export::export(&Request {
        run: &args.run,
        out: &args.out,
        side: args.side,
        before_conv: args.before_conv,
        fixed: args.fixed,
        safetensors: args.safetensors.as_deref(),
    })?;
    let export::Report { bytes, sha256, difference, gflop } = report;
    if json {
        let report = json!({"file": text::name(&args.out), "bytes": bytes, "sha256": sha256, "difference": difference, "gflop": gflop});
        console::print_line(report)?;
    } else {
        let file = args.out.display();
        let size = format_args!("{bytes} bytes, {gflop:.3} GFLOP, differs from burn by {difference:.1e}").to_string();
        console::print_line(format_args!("{file}: {size}\nsha256 {sha256}"))?;
    }
    Ok(())
}

impl From<export::Error> for Failure {
    fn from(error: export::Error) -> Self {
        match error.is_wrong_usage() {
            true => Self::usage(error),
            false => Self::failed(error),
        }
    }
}
