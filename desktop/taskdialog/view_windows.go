package taskdialog

import "golang.org/x/sys/windows"

// gridStep is how far the looked-at points are from each other, in pixels: a
// window that hides a fact is not smaller.
const gridStep = 24

// view is how much of a window can be seen, and where it is.
type view struct {
	at         rect // without its frame
	foreground bool // has the keyboard
	covered    bool // by another window that takes clicks
	outside    bool // a part is on no monitor
}

// survey looks at points all over the window. Windows that let clicks through
// are not noticed; nor does the click then go to them.
func survey(window uintptr) (view, error) {
	at, err := inside(window)
	if err != nil {
		return view{}, err
	}
	v := view{at: at, foreground: uintptr(windows.GetForegroundWindow()) == window}
	for _, y := range steps(at.top, at.bottom) {
		for _, x := range steps(at.left, at.right) {
			switch root, monitor := rootAt(x, y), monitorAt(x, y); {
			case monitor == 0:
				v.outside = true
			case root != window:
				v.covered = true
			}
		}
	}
	return v, nil
}

// steps goes from one side to the other and has both.
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
