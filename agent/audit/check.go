package audit

import (
	"math/rand/v2"
	"os"
	"path/filepath"
)

const (
	// wholeCheck is how large a log Check verifies as a whole: in a blink.
	wholeCheck = 32 << 20
	// samples is how many chunks of a long log Check looks at, others each time. Each is
	// a place of its own on the disk: of a log of years, thousands would take seconds.
	samples = 256
)

// Check is Verify for a command that is to answer at once. Of a long log it reads what
// its index does not cover, and of the rest the last record of each month and of some
// chunks: lines that were added or removed show, and a line that was changed in place does
// not. With a fault it is Verify, which names the line.
func Check(dir string, witnessed ...Witnessed) (Report, error) {
	report, sure, err := checkIndexed(dir, wholeCheck, witnessed)
	if err != nil || !sure {
		return Verify(dir, witnessed...)
	}
	return report, nil
}

// checkIndexed returns false where only Verify can tell, and for a log that is smaller
// than small.
func checkIndexed(dir string, small int64, witnessed []Witnessed) (Report, bool, error) {
	parts, err := readIndex(dir, withChunks)
	if err != nil {
		return Report{}, false, err
	}
	list, err := months(dir)
	if err != nil || len(parts) == 0 || list[0] != parts[0].Month || !following(parts) {
		return Report{}, false, err
	}
	v, size := newVerifier(witnessed), int64(0)
	if why := v.chainFault(&glimpse{seq: parts[0].First.Seq, prev: parts[0].First.Hash}); why != "" {
		v.bad(filepath.Join(dir, fileOf(list[0])), 1, why)
	}
	often := samples / float64(chunksOf(parts)) // 1 and more: always
	for i, month := range list {
		path, newest := filepath.Join(dir, fileOf(month)), i == len(list)-1
		v.report.Files = append(v.report.Files, path)
		p := partIn(parts, month)
		if size += p.To; !chunksEnd(path, p, often) || p.Last.Seq > 0 && !v.skip(path, p) {
			return v.report, false, nil
		}
		if err := v.readFile(path, p.To, p.Lines, newest); err != nil {
			return v.report, false, err
		}
	}
	v.checkMissing()
	firstIsMissing := v.report.Bad != nil && v.report.BadLines == 1 && v.report.Bad.Line == 1
	return v.report, size >= small && (v.report.Bad == nil || firstIsMissing), nil
}

// skip goes on after an indexed part. It returns false if the part does not follow what
// was read.
func (v *verifier) skip(path string, p *part) bool {
	if v.report.Records > 0 && (p.First.Seq != v.expect.Seq+1 || p.First.Hash != v.expect.Hash) {
		return false
	}
	records := p.Last.Seq - p.First.Seq + 1
	v.report.Records += records
	v.report.Unread += records
	v.expect = Head{Seq: p.Last.Seq, Hash: p.Last.Hash, File: path}
	v.report.Head = v.expect
	return true
}

func chunksOf(parts []*part) (n int) {
	for _, p := range parts {
		n += len(p.Chunks)
	}
	return n
}

// chunksEnd reports whether the last chunk of a part, and each other one that chance
// chooses (often: 0 to 1), ends with the record that it did.
func chunksEnd(path string, p *part, often float64) bool {
	if len(p.Chunks) == 0 {
		return true
	}
	file, err := openFile(path, os.O_RDONLY)
	if err != nil {
		return false
	}
	defer file.Close()
	for i, c := range p.Chunks {
		if i < len(p.Chunks)-1 && rand.Float64() >= often {
			continue
		}
		if c.Faulty || !isRecordAt(file, c.To, link{c.Seq, c.Hash}) {
			return false
		}
	}
	return true
}
