package taskdialog

import "golang.org/x/sys/windows"

// gridStep is the distance of the surveyed points in pixels: a window that hides a fact
// is at least as large.
const gridStep = 24

// view is where a window is and whether all of it is visible.
type view struct {
	at         rect // without its frame
	foreground bool // has the keyboard
	covered    bool // by another window that takes clicks
	clipped    bool // a part is on no monitor
}

// survey checks points all over the window. It does not notice windows that let clicks
// through, but those do not get the click either.
func survey(window uintptr) (view, error) {
	at, err := clientRect(window)
	if err != nil {
		return view{}, err
	}
	v := view{at: at, foreground: uintptr(windows.GetForegroundWindow()) == window}
	for _, y := range steps(at.top, at.bottom) {
		for _, x := range steps(at.left, at.right) {
			switch root, monitor := rootAt(x, y), monitorAt(x, y); {
			case monitor == 0:
				v.clipped = true
			case root != window:
				v.covered = true
			}
		}
	}
	return v, nil
}

// steps lists coordinates from one side to the other, including both.
func steps(from, to int32) []int32 {
	list := []int32{to - 1}
	for at := from; at < to; at += gridStep {
		list = append(list, at)
	}
	return list
}

func rootAt(x, y int32) uintptr {
	const gaRoot = 2
	child, _, _ := windowFromPoint.Call(byValue(x, y)...)
	root, _, _ := getAncestor.Call(child, gaRoot)
	return root
}

func monitorAt(x, y int32) uintptr {
	const defaultToNull = 0
	monitor, _, _ := monitorFromPoint.Call(append(byValue(x, y), defaultToNull)...)
	return monitor
}
