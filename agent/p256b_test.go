package agent
import ("testing";"crypto/ecdsa";"crypto/elliptic";"crypto/rand";"golang.org/x/crypto/ssh")
func BenchmarkVerifyP256(b *testing.B){ k,_:=ecdsa.GenerateKey(elliptic.P256(),rand.Reader); s,_:=ssh.NewSignerFromKey(k); sig,_:=s.Sign(rand.Reader,[]byte("data"))
 b.Run("table",func(b *testing.B){ var v verifier; for b.Loop(){ if !v.soon(s.PublicKey(),[]byte("data"),sig){b.Fatal()} } })
 b.Run("build",func(b *testing.B){ p,_:=k.PublicKey.Bytes(); for b.Loop(){ newP256Table(p) } })
 b.Run("std",func(b *testing.B){ for b.Loop(){ if s.PublicKey().Verify([]byte("data"),sig)!=nil {b.Fatal()} } }) }
