//! What draws charts in a browser: uPlot 1.6.32, kept once for every page of ours.
//!
//! It is the minified release of <https://github.com/leeoniya/uPlot>, under the MIT licence, which stands
//! beside it.

/// The script of uPlot, for pages that load nothing from elsewhere; it defines `uPlot`.
pub const UPLOT_JS: &str = include_str!("chart/uplot.js");

/// The style of uPlot.
pub const UPLOT_CSS: &str = include_str!("chart/uplot.css");
