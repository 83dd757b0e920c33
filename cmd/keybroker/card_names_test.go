package main

import (
	"slices"
	"testing"
)

func TestCardNames(t *testing.T) {
	cards := []cardNames{
		{id: "guid:3f2a91c0-0000-4000-8000-000000000001", name: "PIV card 3f2a91c0", guid: "3f2a91c0-0000-4000-8000-000000000001", reader: "Virtual PCD 00 00"},
		{id: "guid:3f2bffff-0000-4000-8000-000000000002", name: "YubiKey 12345678", guid: "3f2bffff-0000-4000-8000-000000000002", reader: "Yubico YubiKey 00 00", serial: 12345678},
		{id: "serial:123456", name: "YubiKey 123456", serial: 123456, reader: "Yubico YubiKey 01 00"},
		{id: "guid:aaaa0000-0000-4000-8000-000000000003", name: "PIV card 7000-0001-000042", guid: "aaaa0000-0000-4000-8000-000000000003"},
		{id: "key:00ff00ff00ff00ff", name: "PIV card 00ff00ff", reader: "Virtual PCD 00 01"},
		{name: "PIV card", reader: "Odd reader"},
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
		for _, card := range calledSo(cards, func(c cardNames) cardNames { return c }, text) {
			got = append(got, slices.Index(cards, card))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: cards %v, want %v", text, got, want)
		}
	}
}
