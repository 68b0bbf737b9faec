package hls

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

const (
	methodAES128 = "AES-128"
	// identityFormat is the KEYFORMAT of a key that stands as it is in its resource.
	identityFormat = "identity"
)

// decrypt decrypts what the keys say about a segment or initialization section; failed is told each request that failed.
// failure is why it can't be, err is fatal.
func (r *reading) decrypt(s *Stream, data []byte, keys []Key, j job, failed func() bool) (plain []byte, failure, err error) {
	if len(keys) == 0 {
		return data, nil, nil
	}
	i := slices.IndexFunc(keys, func(k Key) bool { return k.Method == methodAES128 && k.Format == identityFormat })
	if i < 0 {
		// Who records wants a key that can be had, for others that can use it.
		if plain := slices.IndexFunc(keys, func(k Key) bool { return k.Format == identityFormat }); plain >= 0 {
			if _, _, err := r.fetchKey(s, keys[plain].URI, j, failed); err != nil {
				return nil, nil, err
			}
		}
		return nil, fmt.Errorf("decrypt segment %d: %w: %s with keys of format %s", j.seg.MSN, ErrMethod, excerpt(keys[0].Method),
			excerpt(keys[0].Format)), nil
	}
	key, failure, err := r.fetchKey(s, keys[i].URI, j, failed)
	if err != nil || failure != nil {
		return nil, failure, err
	}
	var iv [aes.BlockSize]byte
	if keys[i].IV != nil {
		iv = *keys[i].IV
	} else {
		binary.BigEndian.PutUint64(iv[8:], uint64(j.seg.MSN)) // RFC 8216bis, 5.2
	}
	plain, failure = decryptCBC(data, key, iv)
	if failure != nil {
		return nil, fmt.Errorf("decrypt segment %d: %w", j.seg.MSN, failure), nil
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
	return r.keys.get(r.ctx, at.String(), func() ([]byte, error, error) {
		e, data, _, err := r.fetch(r.ctx, request{ResourceKey, s, at, nil, j.seg.MSN, maxKey, always(failed)})
		if err != nil || e.Err != nil {
			return nil, e.Err, err
		}
		if len(data) != aes.BlockSize {
			return nil, fmt.Errorf("the key of %s has %d bytes, not %d", at.redacted(), len(data), aes.BlockSize), nil
		}
		return data, nil, nil
	})
}

// decryptCBC decrypts AES-128 in CBC mode with PKCS #7 padding (RFC 8216bis, 4.4.4.4) into memory of its own.
func decryptCBC(data, key []byte, iv [aes.BlockSize]byte) ([]byte, error) {
	if len(data) == 0 || len(data)%aes.BlockSize != 0 {
		return nil, fmt.Errorf("its %d bytes are no whole number of blocks: it was cut off, or is not encrypted", len(data))
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	plain := make([]byte, len(data))
	cipher.NewCBCDecrypter(block, iv[:]).CryptBlocks(plain, data)
	n := int(plain[len(plain)-1])
	if n == 0 || n > aes.BlockSize {
		return nil, errors.New("its padding is wrong: the key or IV is another, or it is damaged")
	}
	for _, b := range plain[len(plain)-n:] {
		if int(b) != n {
			return nil, errors.New("its padding is wrong: the key or IV is another, or it is damaged")
		}
	}
	return plain[:len(plain)-n], nil
}
