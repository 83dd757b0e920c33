package tray

import "testing"

func TestOneIcon(t *testing.T) {
	_, leave, err := join(t.Context(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := join(t.Context(), nil, nil); err == nil || err.Error() != "a tray runs already" {
		t.Errorf("a second one: %v", err)
	}
	leave()
	_, leave, err = join(t.Context(), nil, nil)
	if err != nil {
		t.Fatal("after the first one: ", err)
	}
	leave()
}
