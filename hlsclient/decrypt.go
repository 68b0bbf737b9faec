package hlsclient

import (
	"bytes"
	"cmp"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/refstream/refstream/format/m3u8"
	"github.com/refstream/refstream/internal/redact"
)

const (
	methodAES128   = "AES-128"
	identityFormat = "identity" // the KEYFORMAT of a plain key
)

// decrypt decrypts a segment or initialization section; failed is called for each failed request. failure is why it is not
// possible, err is fatal.
func (r *reading) decrypt(s *Stream, got content, keys []m3u8.Key, j job, failed func() bool) (plain content, failure, err error) {
	if len(keys) == 0 {
		return got, nil, nil
	}
	i := slices.IndexFunc(keys, func(k m3u8.Key) bool { return k.Method == methodAES128 && k.Format == identityFormat })
	if i < 0 {
		// Who records wants a key that can be had, for others that can use it.
		if plain := slices.IndexFunc(keys, func(k m3u8.Key) bool { return k.Format == identityFormat }); plain >= 0 {
			if _, _, err := r.fetchKey(s, keys[plain].URI, j, failed); err != nil {
				return content{}, nil, err
			}
		}
		return content{}, fmt.Errorf("decrypt segment %d: %w: %s with keys of format %s", j.seg.MSN, ErrMethod, redact.Excerpt(keys[0].Method),
			redact.Excerpt(keys[0].Format)), nil
	}
	key, failure, err := r.fetchKey(s, keys[i].URI, j, failed)
	if err != nil || failure != nil {
		return content{}, failure, err
	}
	var iv [aes.BlockSize]byte
	if keys[i].IV != nil {
		iv = *keys[i].IV
	} else {
		binary.BigEndian.PutUint64(iv[8:], uint64(j.seg.MSN)) // RFC 8216bis, 5.2
	}
	if got.spool != nil {
		plain, failure = r.decryptSpool(got, key, iv)
	} else {
		plain.data, failure = decryptCBC(got.data, key, iv)
	}
	if failure != nil {
		return content{}, fmt.Errorf("decrypt segment %d: %w", j.seg.MSN, failure), nil
	}
	return plain, nil, nil
}

// fetchKey fetches a key, or takes it from those that were fetched.
func (r *reading) fetchKey(s *Stream, uri string, j job, failed func() bool) (key []byte, failure, err error) {
	if uri == "" {
		return nil, errors.New("the key has no URI"), nil
	}
	at, err := j.from.resolve(uri)
	if err != nil {
		return nil, err, nil
	}
	return r.keys.get(at.String(), func() ([]byte, error, error) {
		e, got, _, err := r.fetch(r.ctx, request{ResourceKey, s, at, nil, j.seg.MSN, maxKey, always(failed)})
		r.release(e)
		if err != nil || e.Err != nil {
			return nil, e.Err, err
		}
		if len(got.data) != aes.BlockSize {
			return nil, fmt.Errorf("the key of %s has %d bytes, not %d", at.redacted(), len(got.data), aes.BlockSize), nil
		}
		return got.data, nil, nil
	})
}

// decryptCBC decrypts AES-128 in CBC mode with PKCS #7 padding (RFC 8216bis, 4.4.4.4) into memory of its own.
func decryptCBC(data, key []byte, iv [aes.BlockSize]byte) ([]byte, error) {
	mode, err := newCBC(int64(len(data)), key, iv)
	if err != nil {
		return nil, err
	}
	plain := make([]byte, len(data))
	mode.CryptBlocks(plain, data)
	n, err := padding(plain[len(plain)-aes.BlockSize:])
	return plain[:len(plain)-n], err
}

// decryptSpool does so from one temporary file into another.
func (r *reading) decryptSpool(got content, key []byte, iv [aes.BlockSize]byte) (content, error) {
	mode, err := newCBC(got.size(), key, iv)
	if err != nil {
		return content{}, err
	}
	in, err := got.open()
	if err != nil {
		return content{}, err
	}
	defer in.Close()
	w, err := r.newSpool()
	if err != nil {
		return content{}, err
	}
	plain := content{spool: w.spool}
	b := make([]byte, readStep) // whole blocks
	for left := got.size(); left > 0 && err == nil; left -= int64(len(b)) {
		b = b[:min(left, readStep)]
		if _, err = io.ReadFull(in, b); err == nil {
			mode.CryptBlocks(b, b)
			_, err = w.Write(b)
		}
	}
	n := 0
	if err == nil {
		n, err = padding(b[len(b)-aes.BlockSize:])
	}
	if err = cmp.Or(err, w.file.Close()); err != nil {
		r.removeSpool(w.spool)
		return content{}, err
	}
	w.spool.size -= int64(n)
	return plain, nil
}

func newCBC(size int64, key []byte, iv [aes.BlockSize]byte) (cipher.BlockMode, error) {
	if size == 0 || size%aes.BlockSize != 0 {
		return nil, fmt.Errorf("its %d bytes are no whole number of blocks: it was cut off, or is not encrypted", size)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewCBCDecrypter(block, iv[:]), nil
}

// padding is how many bytes at the end of the last block are padding.
func padding(last []byte) (int, error) {
	n := int(last[len(last)-1])
	if n == 0 || n > aes.BlockSize || !bytes.Equal(last[len(last)-n:], bytes.Repeat(last[len(last)-1:], n)) {
		return 0, errors.New("its padding is wrong: the key or IV is another, or it is damaged")
	}
	return n, nil
}
