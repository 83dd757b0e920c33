// Package taskdialog shows a question on Windows: as a task dialog of the common
// controls, or as a small custom dialog when the person must type. Like desktop/window
// it decides nothing, and a question that does not fit is not shown.
//
// It runs in a separate process (keybroker-desktop prompt), with one question each.
package taskdialog
