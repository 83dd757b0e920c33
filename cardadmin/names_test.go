package cardadmin

import (
	"slices"
	"testing"
)

func TestCardNames(t *testing.T) {
	cards := []Names{
		{ID: "guid:3f2a91c0-0000-4000-8000-000000000001", Name: "PIV card 3f2a91c0", GUID: "3f2a91c0-0000-4000-8000-000000000001", Reader: "Virtual PCD 00 00"},
		{ID: "guid:3f2bffff-0000-4000-8000-000000000002", Name: "YubiKey 12345678", GUID: "3f2bffff-0000-4000-8000-000000000002", Reader: "Yubico YubiKey 00 00", Serial: 12345678},
		{ID: "serial:123456", Name: "YubiKey 123456", Serial: 123456, Reader: "Yubico YubiKey 01 00"},
		{ID: "guid:aaaa0000-0000-4000-8000-000000000003", Name: "PIV card 7000-0001-000042", GUID: "aaaa0000-0000-4000-8000-000000000003"},
		{ID: "key:00ff00ff00ff00ff", Name: "PIV card 00ff00ff", Reader: "Virtual PCD 00 01"},
		{Name: "PIV card", Reader: "Odd reader"},
	}
	for text, want := range map[string][]int{
		"PIV card 3f2a91c0":                   {0},
		"piv-card-3f2a91c0":                   {0},
		"PIV card 3f2a91c0 slot 9a (DOE)":     {0},
		"insert card: YubiKey 123456 slot 9a": {2},
		"3f2a":                                {0},
		"guid:3F2B":                           {1},
		"12345678":                            {1},
		"123456":                              {2}, // whole, and no start of another
		"yubikey-123456":                      {2},
		"serial:123456":                       {2},
		"7000-0001-000042":                    {3},
		"key:00ff":                            {4},
		"PIV card":                            {5},
		"odd":                                 {5},
		"Virtual":                             {0, 4},
		"yubico":                              {1, 2},
		"3f2":                                 nil, // too short for a number
		"":                                    nil,
		"nobody":                              nil,
	} {
		var got []int
		for _, card := range bestFits(cards, func(c Names) Names { return c }, text) {
			got = append(got, slices.Index(cards, card))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: cards %v, want %v", text, got, want)
		}
	}
}
