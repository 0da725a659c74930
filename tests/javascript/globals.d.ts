/** uPlot, a script of its own that the page loads before its modules. */
declare const uPlot: any;
