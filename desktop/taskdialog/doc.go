// Package taskdialog shows a question on Windows: as a task dialog of the common
// controls, or where something is typed, as a small dialog of its own. Like
// desktop/window it decides nothing, and what cannot be shown whole is not shown.
//
// It is for a process of its own (keybroker-desktop prompt), one question each.
package taskdialog
