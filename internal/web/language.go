package web

import (
	"net/http"
	"strings"

	"golang.org/x/text/language"

	"logbook/internal/fault"
)

// languages puts into a request's context which language the caller asks for.
func languages(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked := askedLanguage(r.Header.Values("Accept-Language")); asked != "" {
			r = r.WithContext(fault.WithLanguage(r.Context(), asked))
		}
		next.ServeHTTP(w, r)
	})
}

// askedLanguage gives the language that the lines of Accept-Language ask for (RFC
// 9110, section 12.5.4): Chinese in any of its forms, or English for whatever else
// they name; "" where they name none or let the server choose.
func askedLanguage(accept []string) fault.Language {
	tags, _, err := language.ParseAcceptLanguage(strings.Join(accept, ","))
	if err != nil || len(tags) == 0 {
		return ""
	}
	for _, tag := range tags { // the most wanted first, without those of weight 0
		switch base, _ := tag.Base(); base.String() {
		case "zh":
			return fault.Chinese
		case "en":
			return fault.English
		case "mul": // what the package makes of "*"
			return ""
		}
	}
	return fault.English
}

// Language gives the language to word the texts of an error in: the one that the
// caller asks for, else standard. The answer's header says which, so call it before
// the header is sent.
func Language(w http.ResponseWriter, r *http.Request, standard fault.Language) fault.Language {
	chosen := fault.LanguageOf(r.Context())
	if chosen == "" {
		chosen = standard
	}
	w.Header().Add("Vary", "Accept-Language")
	w.Header().Set("Content-Language", string(chosen))
	return chosen
}
